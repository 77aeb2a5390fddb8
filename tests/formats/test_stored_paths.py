"""Paths stored in the files of a project lead to the files that the project has now."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from project_configs import OLD, write

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.stored_paths import path_in_project, resolve_video
from dlcx.project import Project


def test_a_moved_project_finds_its_videos(tmp_path):
    project = open_project(write(tmp_path, OLD))
    (tmp_path / "videos").mkdir()
    video = tmp_path / "videos" / "left paw.avi"
    with pytest.raises(DlcxError, match="no such video") as caught:
        resolve_video(project, project.videos[0])
    assert str(tmp_path) in caught.value.hint
    video.touch()
    assert resolve_video(project, project.videos[0]) == video
    assert resolve_video(project, r"D:\elsewhere\left paw.avi") == video
    assert resolve_video(project, "left paw.avi") == video
    assert resolve_video(project, video) == video


@pytest.fixture
def copied(tmp_path: Path) -> Project:
    """A project whose config.yaml was written at /old/place."""
    (tmp_path / "copy" / "videos").mkdir(parents=True)
    return replace(open_project(write(tmp_path / "copy", OLD)), stored_root="/old/place")


def test_a_path_inside_of_the_project_is_kept(copied: Project):
    inside = str(copied.root / "videos" / "absent.avi")
    assert path_in_project(copied, inside) == inside


def test_a_path_into_the_original_leads_to_the_same_place_in_the_copy(copied: Project):
    assert path_in_project(copied, "/old/place/dlc-models-pytorch/a.pt") == str(copied.root / "dlc-models-pytorch/a.pt")
    assert path_in_project(copied, "/old/place/config.yaml") == str(copied.config_path)
    assert path_in_project(copied, "/old/place/notes/a.txt") == str(copied.root / "notes" / "a.txt")


def test_other_paths_are_kept_unless_the_project_has_the_file(copied: Project):
    assert path_in_project(copied, "/weights/videos/a.pt") == "/weights/videos/a.pt"
    assert path_in_project(copied, "videos/a.pt") == "videos/a.pt"
    (copied.root / "videos" / "a.pt").touch()
    assert path_in_project(copied, "/weights/videos/a.pt") == str(copied.root / "videos" / "a.pt")
    assert path_in_project(copied, "videos/a.pt") == str(copied.root / "videos" / "a.pt")
    assert path_in_project(copied, "") == ""


def test_the_original_is_known_by_its_config_wherever_it_is(copied: Project, tmp_path: Path):
    original = tmp_path / "elsewhere" / "project"
    (original / "videos").mkdir(parents=True)
    write(original, OLD)
    video = original / "videos" / "b.avi"
    video.touch()
    assert path_in_project(copied, str(video)) == str(copied.root / "videos" / "b.avi")
    with pytest.raises(DlcxError, match="belongs to the project that this one is a copy of"):
        resolve_video(copied, str(video))
    (original / "config.yaml").write_text(OLD.replace("Task: reaching", "Task: other"))
    assert path_in_project(copied, str(video)) == str(video)
    assert resolve_video(copied, os.fspath(video)) == video
