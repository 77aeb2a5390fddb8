"""A project: its videos, and how its shuffles are found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project, read_prefixes
from dlcx.project import Video, frame_name


@pytest.mark.parametrize(
    ("stored", "stem"), [("/a/b/m3.v1.mp4", "m3.v1"), (r"C:\Users\x\videos\clip 1.avi", "clip 1"), ("v", "v")]
)
def test_video_stems_of_any_system(stored, stem):
    assert Video(stored).stem == stem


def test_shuffles_are_found_by_their_folders(project):
    for name in ("trainset95shuffle10", "trainset95shuffle2", "trainset28shuffle1", "trainset95shuffle2old"):
        (project.root / "dlc-models-pytorch/iteration-2" / f"openOct5-{name}").mkdir(parents=True)
    assert [(shuffle.percent, shuffle.number) for shuffle in project.shuffles()] == [(28, 1), (95, 2), (95, 10)]
    assert replace(project, iteration=9).shuffles() == []


@pytest.mark.parametrize(
    ("frames", "name"), [(1, "img7.png"), (10, "img7.png"), (11, "img07.png"), (1000, "img007.png")]
)
def test_frame_numbers_have_the_digits_of_the_last_one(frames: int, name: str):
    assert frame_name(7, frames) == name


def test_a_video_is_found_by_its_stem(project):
    videos = (Video("/a/one.mp4"), Video(r"C:\b\two.avi", (0, 10, 5, 20)))
    assert replace(project, videos=videos).video_of("two") == videos[1]
    assert replace(project, videos=videos).video_of("three") is None


def test_numbers_are_used_by_shuffles_of_any_program(project):
    for folder in (
        "dlc-models-pytorch/iteration-2/openOct5-trainset95shuffle1",
        "dlc-models/iteration-2/openOct5-trainset28shuffle1",
    ):
        (project.root / folder).mkdir(parents=True)
    project.training_set_dir.mkdir(parents=True)
    (project.training_set_dir / "Documentation_data-open_28shuffle7.pickle").touch()
    (project.training_set_dir / "Documentation_data-other_28shuffle8.pickle").touch()
    assert project.used_numbers() == {1: {95, 28}, 7: {28}}


def test_the_fraction_of_a_shuffle_is_found_by_its_number(project):
    models = project.root / "dlc-models-pytorch/iteration-2"
    (models / "openOct5-trainset28shuffle4").mkdir(parents=True)
    (project.root / "dlc-models/iteration-2/openOct5-trainset95shuffle4").mkdir(parents=True)
    assert project.shuffle(4).fraction == 0.29  # PyTorch before TensorFlow
    assert project.shuffle(5).fraction == 0.95
    assert project.shuffle(5, preferred=1).fraction == 0.29
    (models / "openOct5-trainset95shuffle4").mkdir()
    assert project.shuffle(4, preferred=1).fraction == 0.29
    with pytest.raises(DlcxError, match="--shuffle 4: several values") as caught:
        replace(project, train_fractions=(0.5, 0.95, 0.29)).shuffle(4)
    assert caught.value.hint == "Choose one of --trainset-index 1 (0.95), --trainset-index 2 (0.29)."


def test_opening_a_project_connects_the_reader_of_prefixes(golden):
    assert open_project(golden / "files" / "sa").snapshot_prefixes is read_prefixes
