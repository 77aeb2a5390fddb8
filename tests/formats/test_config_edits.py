"""Edits of config.yaml change one key and keep every other line."""

from __future__ import annotations

import pytest
from project_configs import OLD, write

from dlcx.errors import DlcxError
from dlcx.formats.config_edits import add_train_fraction, add_videos, set_iteration
from dlcx.formats.project_config import read_project_config


def test_adding_a_fraction_keeps_comments_and_order(tmp_path):
    path = write(tmp_path, OLD)
    assert add_train_fraction(path, 0.8) == 1
    assert path.read_text() == OLD.replace("- 0.95  # the usual one\n", "- 0.95  # the usual one\n- 0.8\n")
    assert add_train_fraction(path, 0.8) == 1
    assert read_project_config(path).TrainingFraction == [0.95, 0.8]


def test_adding_a_fraction_where_none_is_listed(tmp_path):
    path = write(tmp_path, "Task: a\nscorer: b\ndate: c\nbodyparts: [x]\n")
    assert add_train_fraction(path, 0.8) == 1
    assert read_project_config(path).TrainingFraction == [0.95, 0.8]


def test_a_line_that_only_one_reader_of_yaml_takes_is_named_and_left(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("Task:\ta\nscorer: me\ndate: Nov22\nbodyparts: [snout]\n")
    assert read_project_config(path).Task == "a"
    with pytest.raises(DlcxError, match=r"config\.yaml, line 1: cannot be edited"):
        add_train_fraction(path, 0.5)
    assert path.read_text().startswith("Task:\ta\n")


def test_setting_the_iteration_keeps_every_other_line(tmp_path):
    path = write(tmp_path, OLD)
    set_iteration(path, 3)
    assert path.read_text() == OLD.replace("iteration: 0\n", "iteration: 3\n")


def test_adding_videos_keeps_comments_and_order(tmp_path):
    path = write(tmp_path, OLD)
    add_videos(path, {})
    assert path.read_text() == OLD
    add_videos(path, {"/v/right paw.avi": (0, 640, 10, 480)})
    crop = "    crop: 0, 832, 0, 747\n"
    assert path.read_text() == OLD.replace(crop, f"{crop}  /v/right paw.avi:\n    crop: 0, 640, 10, 480\n")
    add_videos(path, {"/v/right paw.avi": (0, 1, 0, 1)})
    assert read_project_config(path).video_sets["/v/right paw.avi"].crop == "0, 640, 10, 480"


def test_a_second_video_of_the_same_name_is_refused(tmp_path):
    path = write(tmp_path, OLD)
    with pytest.raises(DlcxError, match=r"already lists a video of this name: .*left paw\.avi, so /v/left paw\.mp4 is"):
        add_videos(path, {"/v/left paw.mp4": (0, 1, 0, 1)})
    with pytest.raises(DlcxError, match="a video's name"):
        add_videos(path, {"/v/..mp4": (0, 1, 0, 1)})
    assert path.read_text() == OLD
