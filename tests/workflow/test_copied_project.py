"""A copy of a project reads and writes its own files, although the original lies on the same disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_videos import write_video

from dlcx import add_videos, create_project, extract_frames, status
from dlcx.analysis.conditions import ConditionFile, chosen_conditions
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.formats.shuffles.dlcx_config import shuffle_dlcx_config
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.formats.stored_paths import path_in_project, resolve_video
from dlcx.project import Shuffle

SHUFFLE = "dlc-models-pytorch/iteration-0"


@pytest.fixture
def original(tmp_path: Path) -> Path:
    recording = write_video(tmp_path / "recordings" / "cam.avi", 20)
    made = create_project("reach", "Ann", recording, folder=tmp_path / "here", copy_videos=True, bodyparts=["paw"])
    return made.project


@pytest.fixture(params=["as it was", "opened by DeepLabCut"])
def copy(request: pytest.FixtureRequest, original: Path, tmp_path: Path) -> Path:
    """DeepLabCut corrects project_path where it opens a project, and leaves the paths of videos as they are."""
    copy = tmp_path / "there" / original.name
    shutil.copytree(original, copy)
    if request.param == "opened by DeepLabCut":
        config = copy / "config.yaml"
        config.write_text(config.read_text().replace(f"project_path: {original}", f"project_path: {copy}"))
    return copy


def listed(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_its_videos_are_its_own(original: Path, copy: Path) -> None:
    assert str(original / "videos" / "cam.avi") in (copy / "config.yaml").read_text()
    project = open_project(copy)
    assert resolve_video(project, project.videos[0]) == copy / "videos" / "cam.avi"
    assert [one.path for one in status(copy).videos] == [copy / "videos" / "cam.avi"]
    assert resolve_video(open_project(original), project.videos[0]) == original / "videos" / "cam.avi"


def test_what_it_lacks_is_missing(original: Path, copy: Path) -> None:
    (copy / "videos" / "cam.avi").unlink()
    project, before = open_project(copy), listed(original)
    with pytest.raises(DlcxError, match=r"cam.avi belongs to the project that this one is a copy of") as told:
        resolve_video(project, project.videos[0])
    assert str(copy / "videos") in told.value.hint
    assert [one.path for one in status(copy).videos] == [None]
    with pytest.raises(DlcxError, match=f"no such video: {copy}/videos/cam.avi"):
        extract_frames(copy, method="uniform", frames=2)
    assert listed(original) == before


def test_frames_go_into_the_copy(original: Path, copy: Path) -> None:
    before = listed(original)
    made = extract_frames(copy, method="uniform", frames=2).videos[0]
    assert (made.video, made.folder) == (copy / "videos" / "cam.avi", copy / "labeled-data" / "cam")
    assert listed(original) == before


def test_a_recording_outside_of_both_is_used(original: Path, copy: Path, tmp_path: Path) -> None:
    outside = write_video(tmp_path / "recordings" / "night.avi", 5)
    assert resolve_video(open_project(copy), str(outside)) == outside
    add_videos(copy, outside)
    assert resolve_video(open_project(copy), str(outside)) == copy / "videos" / "night.avi"


def test_a_video_of_another_project_is_used(copy: Path, tmp_path: Path) -> None:
    recording = write_video(tmp_path / "recordings" / "other.avi", 5)
    other = create_project("grasp", "Ann", recording, folder=tmp_path, copy_videos=True, bodyparts=["paw"]).videos[0]
    assert resolve_video(open_project(copy), str(other)) == other


def test_a_relative_path_counts_from_the_project(original: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(original)
    assert resolve_video(open_project(copy), "videos/cam.avi") == copy / "videos" / "cam.avi"
    (copy / "videos" / "cam.avi").unlink()
    with pytest.raises(DlcxError, match=r"no such video: videos/cam\.avi"):
        resolve_video(open_project(copy), "videos/cam.avi")


def test_a_project_with_two_paths_is_no_copy(original: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(original)
    project = open_project(link)
    assert resolve_video(project, project.videos[0]) == original / "videos" / "cam.avi"
    assert path_in_project(project, str(original / "weights.pt")) == str(original / "weights.pt")


def test_paths_of_every_kind(original: Path, copy: Path, tmp_path: Path) -> None:
    project = open_project(copy)
    snapshot = f"{SHUFFLE}/reachDec1-trainset95shuffle1/train/snapshot-010.pt"
    weights = tmp_path / "weights.pt"
    weights.touch()
    for stored, expected in {
        str(original / snapshot): str(copy / snapshot),
        str(original / "config.yaml"): str(copy / "config.yaml"),
        str(original / "poses.h5"): str(copy / "poses.h5"),
        str(copy / snapshot): str(copy / snapshot),
        str(weights): str(weights),
        "poses.h5": "poses.h5",
    }.items():
        assert path_in_project(project, stored) == expected


def _shuffle(root: Path) -> Shuffle:
    return open_project(root).shuffle(1)


def test_no_path_of_a_shuffle_leads_to_the_original(golden: Path, tmp_path: Path) -> None:
    original, copy = tmp_path / "one" / "gold", tmp_path / "two" / "gold"
    shutil.copytree(golden / "files" / "sa", original)
    config = _shuffle(original).model_config_path
    train = config.parent
    stored = read_yaml(config)
    stored["resume_training_from"] = str(train / "snapshot-010.pt")
    stored["train_settings"]["weight_init"] = {
        "snapshot_path": str(train / "snapshot-005.pt"),
        "detector_snapshot_path": str(train / "snapshot-detector-005.pt"),
    }
    stored["inference"]["conditions"] = {
        "source": "model",
        "config_path": str(config),
        "snapshot_path": str(train / "snapshot-010.pt"),
    }
    write_yaml(stored, config)
    write_yaml({"weights": str(train / "snapshot-007.pt")}, _shuffle(original).dlcx_config_path)
    for name in ("snapshot-010.pt", "snapshot-005.pt", "snapshot-detector-005.pt", "snapshot-007.pt"):
        (train / name).touch()
    shutil.copytree(original, copy)
    place = _shuffle(copy)
    text = str(shuffle_config(place).plain()) + str(shuffle_dlcx_config(place).plain())
    assert str(original) not in text
    assert text.count(f"{place.train_dir}/snapshot-") == 5
    assert text.count(f"'config_path': '{place.model_config_path}'") == 1
    for path in place.train_dir.glob("*.pt"):
        path.unlink()
    assert str(original) not in str(shuffle_config(place).plain()) + str(shuffle_dlcx_config(place).plain())


def test_a_file_of_conditions_is_the_copys(golden: Path, tmp_path: Path) -> None:
    original, copy = tmp_path / "one" / "gold", tmp_path / "two" / "gold"
    shutil.copytree(golden / "files" / "sa", original)
    config = _shuffle(original).model_config_path
    stored = read_yaml(config)
    stored["method"] = "ctd"
    stored["inference"]["conditions"] = {"source": "file", "filepath": str(original / "videos" / "poses.h5")}
    write_yaml(stored, config)
    (original / "videos").mkdir(exist_ok=True)
    (original / "videos" / "poses.h5").touch()
    shutil.copytree(original, copy)
    place = _shuffle(copy)
    source = chosen_conditions(place, shuffle_config(place))
    assert isinstance(source, ConditionFile)
    assert source.path == copy / "videos" / "poses.h5"
    source.path.unlink()
    with pytest.raises(DlcxError, match=f"no such file: {copy}/videos/poses.h5"):
        chosen_conditions(place, shuffle_config(place))
