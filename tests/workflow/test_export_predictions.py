"""Poses as files of NWB, read back by pynwb, and as tables that more programs can read."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.poses import Tracks
from dlcx.workflow.export_predictions import export_predictions

SA = "vidDLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
MUI = "vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10_el"


@pytest.fixture(params=[("sa", SA), ("mui", MUI)], ids=["one animal", "several"])
def analyzed(request: pytest.FixtureRequest, golden: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A project, its video, and poses that DeepLabCut found in it."""
    name, stem = request.param
    return _analyzed(golden, tmp_path, name, stem)


@pytest.fixture
def several(golden: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two individuals and a unique bodypart."""
    return _analyzed(golden, tmp_path, "mui", MUI)


def _analyzed(golden: Path, tmp_path: Path, name: str, stem: str) -> tuple[Path, Path, Path]:
    root = tmp_path / f"gold{name}"
    shutil.copytree(golden / "files" / name, root)
    for train in root.glob("dlc-models-pytorch/*/*/train"):
        (train / "snapshot-010.pt").write_bytes(b"weights")
    poses = Path(shutil.copy(golden / "predictions" / f"{stem}.h5", tmp_path))
    video = write_video(tmp_path / "vid.avi", len(read_predictions(poses)), fps=20, size=(160, 128))
    return root, video, poses


def _owners(tracks: Tracks) -> dict[str, tuple[tuple[str, ...], np.ndarray, np.ndarray]]:
    """Bodyparts, positions and scores by the name that their file ends with."""
    layout = tracks.layout
    found = {
        name if layout.multi else "": (layout.bodyparts, tracks.xy[:, number], tracks.score[:, number])
        for number, name in enumerate(layout.individuals)
    }
    return found | ({"single": (layout.unique, tracks.unique_xy, tracks.unique_score)} if layout.unique else {})


def test_pynwb_reads_the_very_numbers(analyzed: tuple[Path, Path, Path]) -> None:
    pynwb = pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    project, video, poses = analyzed
    (done,) = export_predictions(project, video, session_start="2026-01-31T14:30+01:00").videos
    expected = _owners(read_predictions(poses))
    assert [made.owner for made in done.files] == list(expected)
    session_ids = set()
    for made in done.files:
        parts, xy, score = expected[made.owner]
        name = f"{poses.stem}_{made.owner}" if made.owner else poses.stem
        assert made.file == video.parent / "exported" / f"{name}.nwb"
        with pynwb.NWBHDF5IO(str(made.file), "r") as io:
            file = io.read()
            found = file.processing["behavior"]["PoseEstimation"]
            assert list(found.skeleton.nodes[:]) == list(parts)
            assert set(found.pose_estimation_series) == set(parts)
            for number, part in enumerate(parts):
                series = found[part]
                np.testing.assert_array_equal(series.data[:], xy[:, number])
                np.testing.assert_array_equal(series.confidence[:], score[:, number])
                np.testing.assert_allclose(series.timestamps[:], np.arange(len(xy)) / 20)
                assert series.data.dtype == xy.dtype
            assert found.scorer == "DLC_" + poses.stem.split("DLC_")[1].removesuffix("_el")
            assert file.session_start_time == datetime.fromisoformat("2026-01-31T14:30+01:00")
            if made.owner == "single":
                assert file.subject is None
            else:
                assert file.subject.subject_id == (made.owner or "individual_1")
                assert found.skeleton.subject is file.subject
            source = found.source_video
            assert (made.file.parent / source.external_file[0]).resolve() == video.resolve()
            assert list(source.dimension[:]) == [160, 128]
            session_ids.add(file.session_id)
            # movement names individuals by the identifier
            assert file.identifier == ("unique bodyparts" if file.subject is None else file.subject.subject_id)
        assert pynwb.validate(path=str(made.file)) == []
    assert len(session_ids) == len(expected)


def test_bones_are_edges_of_the_skeleton(analyzed: tuple[Path, Path, Path]) -> None:
    pynwb = pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    project, video, poses = analyzed
    parts = read_predictions(poses).layout.bodyparts
    config = project / "config.yaml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith(("skeleton:", "- - ", "  - "))]
    config.write_text("\n".join([*lines, f"skeleton: [[{parts[2]}, {parts[0]}]]", ""]))
    made = export_predictions(project, video).videos[0].files[0].file
    with pynwb.NWBHDF5IO(str(made), "r") as io:
        assert io.read().processing["behavior"]["PoseEstimation"].skeleton.edges[:].tolist() == [[2, 0]]


def test_a_part_of_a_video_keeps_its_times(golden: Path, tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    project, video, poses = _analyzed(golden, tmp_path, "sa", SA)
    frame = pd.read_hdf(poses)
    frame.iloc[3:].to_hdf(poses, key="df_with_missing", mode="w")
    made = export_predictions(project, video).videos[0].files[0].file
    with pynwb.NWBHDF5IO(str(made), "r") as io:
        found = io.read().processing["behavior"]["PoseEstimation"]
        series = found["snout"]
        np.testing.assert_allclose(series.timestamps[:], np.arange(3, len(frame)) / 20)
        np.testing.assert_array_equal(series.data[:], frame.iloc[3:, :2])
        assert len(found.source_video.timestamps) == len(frame)


def test_what_is_there_is_kept_and_other_poses_are_told(
    several: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    project, video, _ = several
    call = ["export-predictions", str(video), "-p", str(project)]
    assert run(call) == 0
    assert capsys.readouterr().out.count("exported (") == 3
    assert run(call) == 0
    assert capsys.readouterr().out.count("(was there already)") == 3
    assert run([*call, "--session-start", "2026-01-31"]) == 3
    assert "--overwrite" in capsys.readouterr().err
    assert run([*call, "--session-start", "2026-01-31", "--overwrite"]) == 0


def test_tables_have_the_key_that_every_program_reads(several: tuple[Path, Path, Path]) -> None:
    project, video, poses = several
    (done,) = export_predictions(project, video, format="h5").videos
    (made,) = done.files
    pd.testing.assert_frame_equal(pd.read_hdf(made.file, "df_with_missing"), pd.read_hdf(poses, "tracks"))
    assert made.file.with_suffix(".csv").is_file()


def test_unique_bodyparts_go_into_a_file_of_their_own(several: tuple[Path, Path, Path]) -> None:
    project, video, poses = several
    (done,) = export_predictions(project, video, format="h5", split_unique=True).videos
    animals, unique = (pd.read_hdf(made.file, "df_with_missing") for made in done.files)
    whole = pd.read_hdf(poses)
    single = whole.columns.get_level_values("individuals") == "single"
    np.testing.assert_array_equal(animals, whole.loc[:, ~single])
    assert animals.columns.tolist() == whole.columns[~single].tolist()
    np.testing.assert_array_equal(unique, whole.loc[:, single])
    assert unique.columns.names == ["scorer", "bodyparts", "coords"]
    assert [made.owner for made in done.files] == ["", "single"]


def test_individuals_one_by_one_are_single_animal_files(several: tuple[Path, Path, Path]) -> None:
    project, video, poses = several
    (done,) = export_predictions(project, video, format="h5", split_individuals=True, csv=False).videos
    whole = pd.read_hdf(poses)
    names = list(dict.fromkeys(whole.columns.get_level_values("individuals")))
    assert [made.owner for made in done.files] == names
    for made in done.files:
        frame = pd.read_hdf(made.file, "df_with_missing")
        assert frame.columns.names == ["scorer", "bodyparts", "coords"]
        np.testing.assert_array_equal(frame, whole.xs(made.owner, level="individuals", axis=1))
        assert not made.file.with_suffix(".csv").exists()


def test_animals_that_are_not_linked_are_refused(several: tuple[Path, Path, Path]) -> None:
    project, video, poses = several
    poses.rename(poses.with_name(poses.name.replace("_el", "")))
    with pytest.raises(DlcxError, match="not linked"):
        export_predictions(project, video, format="h5")


def test_flags_without_an_effect_are_refused(several: tuple[Path, Path, Path]) -> None:
    project, video, _ = several
    with pytest.raises(DlcxError, match="for --format nwb"):
        export_predictions(project, video, format="h5", session_start="2026-01-31")
    with pytest.raises(DlcxError, match=r"^--format slp: expected nwb or h5"):
        export_predictions(project, video, format="slp")
    pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    with pytest.raises(DlcxError, match="--split-unique is for --format h5"):
        export_predictions(project, video, split_unique=True)
    with pytest.raises(DlcxError, match="expected a date"):
        export_predictions(project, video, session_start="yesterday")


def test_poses_longer_than_the_video_are_refused(golden: Path, tmp_path: Path) -> None:
    pytest.importorskip("pynwb", reason="the extra 'nwb' is not installed")
    project, video, _ = _analyzed(golden, tmp_path, "sa", SA)
    write_video(video, 3)
    with pytest.raises(DlcxError, match="has 3 frames"):
        export_predictions(project, video)


def test_no_unique_bodyparts_to_split_off(golden: Path, tmp_path: Path) -> None:
    project, video, _ = _analyzed(golden, tmp_path, "sa", SA)
    with pytest.raises(DlcxError, match="no unique bodyparts"):
        export_predictions(project, video, format="h5", split_unique=True)
