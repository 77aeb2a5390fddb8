from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.analysis.lookup.find_poses import WantedPoses
from dlcx.analysis_files import PoseFile
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.options.poses import PosesOptions
from dlcx.poses import Layout, Tracks

SET = "goldsaNov22"
BEST = f"DLC_Resnet50_{SET}shuffle1_snapshot_best-20"
TEN = f"DLC_Resnet50_{SET}shuffle1_snapshot_10"
OTHER = f"DLC_Resnet50_{SET}shuffle2_snapshot_10"
TRAIN = f"dlc-models-pytorch/iteration-0/{SET}-trainset75shuffle1/train"


@pytest.fixture
def video(project: Path) -> Path:
    for name in ("snapshot-010.pt", "snapshot-best-020.pt"):
        (project / TRAIN / name).write_bytes(b"weights")
    video = project / "videos" / "v.avi"
    video.parent.mkdir(exist_ok=True)
    video.write_bytes(b"")
    return video


def put(video: Path, *names: str) -> None:
    for name in names:
        tracks = Tracks(Layout(("snout",)), np.zeros((2, 1, 1, 2), np.float32), np.ones((2, 1, 1), np.float32))
        write_predictions(tracks, video.with_name(f"v{name}.h5"), name, csv=False)


def find(project: Path, video: Path, **flags) -> str:
    """What follows the video's name in the name of the file that is found."""
    return WantedPoses.of(PosesOptions.of(project=project, **flags)).find(video).file.path.name.removeprefix("v")


def test_names_of_files_of_poses(tmp_path: Path) -> None:
    names = [f"v{TEN}{end}" for end in (".h5", ".csv", "_el.h5", "_ctd_filtered.h5", "_filtered.csv", "_skeleton.h5")]
    others = [f"v{TEN}_meta.pickle", f"v{TEN}_frames.csv", "v_truth.h5", f"w{TEN}.h5"]
    files = [PoseFile.of(tmp_path / name, "v") for name in [*names, *others]]
    told = [(file.scorer, file.tracker, file.filtered) if file else None for file in files]
    assert told == [
        (TEN, None, False),
        (TEN, None, False),
        (TEN, "ellipse", False),
        (TEN, "ctd", True),
        (TEN, None, True),
        *[None] * 5,
    ]
    made = PoseFile.of(tmp_path / f"vDLC_Resnet50_{SET}shuffle2_detector_30_snapshot_best-10_bx.h5", "v").made_by
    assert made.groupdict() == {
        "shuffle": f"DLC_Resnet50_{SET}shuffle2",
        "detector": "30",
        "snapshot": "best-10",
    }
    assert PoseFile.of(tmp_path / "vDeepCut_resnet50_xJan1shuffle1_100.h5", "v").made_by is None


def test_the_snapshot_decides(project: Path, video: Path) -> None:
    put(video, BEST, TEN, OTHER)
    assert find(project, video) == f"{BEST}.h5"
    assert find(project, video, snapshot="10") == f"{TEN}.h5"


def test_what_there_is_instead_is_told(project: Path, video: Path) -> None:
    with pytest.raises(DlcxError, match=r"no poses of v.avi in .*\(shuffle 1, snapshot best-20\)") as told:
        find(project, video)
    assert told.value.hint.startswith("Run `dlcx analyze-video ")
    put(video, TEN, OTHER, f"{BEST}_filtered", "DeepCut_resnet50_x_100")
    with pytest.raises(DlcxError, match="no poses") as told:
        find(project, video)
    assert f"v{TEN}.h5 (of another snapshot: --snapshot 10)" in told.value.hint
    assert f"v{OTHER}.h5 (of another shuffle: --shuffle 2)" in told.value.hint
    assert f"v{BEST}_filtered.h5 (filtered)" in told.value.hint
    assert "vDeepCut_resnet50_x_100.h5 (of another net: --poses FILE)" in told.value.hint
    assert find(project, video, filtered=True) == f"{BEST}_filtered.h5"


def test_linked_poses_come_first(project: Path, video: Path) -> None:
    put(video, BEST, f"{BEST}_bx")
    assert find(project, video) == f"{BEST}_bx.h5"
    assert find(project, video, tracker="none") == f"{BEST}.h5"
    put(video, f"{BEST}_el")
    with pytest.raises(DlcxError, match=r"several poses of v.avi fit") as told:
        find(project, video)
    assert told.value.hint == "Choose with --tracker."
    assert find(project, video, tracker="ellipse") == f"{BEST}_el.h5"
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("default_track_method:", "default_track_method: box"))
    assert find(project, video) == f"{BEST}_bx.h5"
    with pytest.raises(DlcxError, match="--tracker elipse") as told:
        find(project, video, tracker="elipse")
    assert "ellipse" in told.value.hint


def test_without_snapshots_the_only_poses_are_meant(project: Path, video: Path) -> None:
    for path in (project / TRAIN).glob("*.pt"):
        path.unlink()
    put(video, TEN, OTHER)
    assert find(project, video) == f"{TEN}.h5"
    put(video, BEST)
    with pytest.raises(DlcxError, match="several poses") as told:
        find(project, video)
    assert told.value.hint == "Name a --snapshot."


def test_another_folder_and_a_csv(project: Path, video: Path, tmp_path: Path) -> None:
    put(video, BEST)
    out = tmp_path / "elsewhere"
    out.mkdir()
    with pytest.raises(DlcxError, match=r"no poses of v.avi in .*elsewhere"):
        find(project, video, out=out)
    tracks = WantedPoses.of(PosesOptions.of(project=project)).find(video).stored()
    write_predictions(tracks, out / f"v{BEST}.h5", BEST)
    (out / f"v{BEST}.h5").unlink()
    found = WantedPoses.of(PosesOptions.of(project=project, out=out)).find(video)
    assert found.file.path.suffix == ".csv"
    np.testing.assert_array_equal(found.in_frame().xy, tracks.xy)
