"""Names of the files of an analysis, and what the name of a pose file tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.analysis_files import AnalysisFiles, PoseFile, VideoPart, is_pytorch_scorer

SCORER = "DLC_Resnet50_openOct5shuffle1_snapshot_best-25"


def test_names(tmp_path: Path):
    files = AnalysisFiles(Path("videos/day.1.mp4"), SCORER, tmp_path)
    stem = f"day.1{SCORER}"
    assert files.h5 == tmp_path / f"{stem}.h5"
    assert files.full_pickle.name == f"{stem}_full.pickle"
    assert files.tracks("ellipse").name == f"{stem}_el.h5"
    assert files.track_files("box").swaps.name == f"{stem}_bx_swaps.csv"
    assert files.of_part(VideoPart(2, 8)).store.name == f"{stem}.part2of8.dlcx"


def test_the_metadata_of_older_versions_are_found(tmp_path: Path):
    files = AnalysisFiles(Path("v.mp4"), "s", tmp_path)
    old = tmp_path / "vsincludingmetadata.pickle"
    assert files.stored_meta == files.meta_pickle
    old.touch()
    assert files.stored_meta == old
    files.meta_pickle.touch()
    assert files.stored_meta == files.meta_pickle


def test_parts_of_a_video(tmp_path: Path):
    files = AnalysisFiles(Path("v.mp4"), "s", tmp_path)
    for name in ("vs.part2of2.dlcx", "vs.part1of2.dlcx", "vs.part3of2.dlcx", "vs.part01of2.dlcx", "vx.part1of2.dlcx"):
        (tmp_path / name).mkdir()
    (tmp_path / "vs.part1of3.dlcx").touch()
    assert list(files.parts) == [VideoPart(1, 2), VideoPart(2, 2)]
    assert str(VideoPart(1, 2)) == "1/2"
    with pytest.raises(ValueError, match="expected 1 <= number <= count, got 3/2"):
        VideoPart(3, 2)


@pytest.mark.parametrize(
    ("name", "tracker", "filtered"),
    [
        (f"v{SCORER}.h5", None, False),
        (f"v{SCORER}_el.csv", "ellipse", False),
        (f"v{SCORER}_sk_filtered.h5", "skeleton", True),
        ("vDLC_resnet50_openOct5shuffle1_10filtered.h5", None, True),
    ],
)
def test_pose_files(name: str, tracker: str | None, filtered: bool):
    file = PoseFile.of(Path(name), "v")
    assert file is not None
    assert (file.tracker, file.filtered, file.is_linked) == (tracker, filtered, tracker is not None)
    assert PoseFile.of(Path(name), "w") is None


@pytest.mark.parametrize("ending", ["_skeleton.h5", "_el_swaps.csv", "_frames.csv", "_full.pickle"])
def test_other_files_are_no_pose_files(ending: str):
    assert PoseFile.of(Path(f"v{SCORER}{ending}"), "v") is None


def test_an_h5_takes_precedence_over_its_csv(tmp_path: Path):
    for name in (f"v{SCORER}.csv", f"v{SCORER}.h5", f"v{SCORER}_el.csv", f"w{SCORER}.h5"):
        (tmp_path / name).touch()
    found = AnalysisFiles(Path("v.mp4"), "", tmp_path).pose_files
    assert [file.path.name for file in found] == [f"v{SCORER}.h5", f"v{SCORER}_el.csv"]


def test_a_file_that_the_user_names():
    renamed = PoseFile.from_path(Path(f"old{SCORER}_el.h5"), "new", SCORER, linked=True)
    assert (renamed.video, renamed.tracker) == ("old", "ellipse")
    other = PoseFile.from_path(Path("poses_filtered.csv"), "new", SCORER, linked=True)
    assert (other.video, other.scorer, other.filtered, other.is_linked) == ("new", SCORER, True, True)


def test_names_made_from_a_pose_file():
    file = PoseFile(Path(f"out/v{SCORER}_filtered.h5"), "v", SCORER, filtered=True)
    assert file.source == Path(f"out/v{SCORER}.h5")
    assert file.labeled_video(0.29, "_id").name == f"v{SCORER}_filtered_id_p28_labeled.mp4"
    assert file.plot("trajectory", "_anne", ".png") == Path("out/plot-poses/v/trajectory_filtered_anne.png")
    assert file.made_by is not None
    assert file.made_by.groupdict() == {
        "shuffle": "DLC_Resnet50_openOct5shuffle1",
        "detector": None,
        "snapshot": "best-25",
    }
    assert is_pytorch_scorer(SCORER)
    assert not is_pytorch_scorer("DLC_resnet50_openOct5shuffle1_10")
