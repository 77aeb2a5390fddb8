"""Backups of label files and images."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.project_config import open_project
from dlcx.labeling import backups
from dlcx.labeling.backups import LabelBackup


def test_without_a_file_there_is_no_backup(project: Path) -> None:
    backup = LabelBackup(open_project(project))
    assert backup.how_to_undo == ()
    assert not (project / "label-backups").exists()


def test_the_hint_restores_copied_and_moved_files(project: Path) -> None:
    home = open_project(project)
    folder = project / "labeled-data" / "vid"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    backup = LabelBackup(home)
    backup.copy(home.labels_path("vid"))
    image = next(folder.glob("*.png"))
    backup.move(image)
    assert not image.exists()
    for path in folder.glob("CollectedData*"):
        path.write_bytes(b"changed")
    (hint,) = backup.how_to_undo
    subprocess.run(shlex.split(hint.removeprefix("To undo: ")), check=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_csv_alone_gets_an_h5_in_the_backup(project: Path) -> None:
    """Otherwise the h5 that the command writes would override the restored csv."""
    home = open_project(project)
    base = home.labels_path("vid")
    expected = read_labels(base, home.layout)
    base.with_name(base.name + ".h5").unlink()
    backup = LabelBackup(home)
    backup.copy(base)
    assert backup.folder is not None
    kept = read_labels(backup.folder / "vid" / base.name, home.layout)
    assert (backup.folder / "vid" / f"{base.name}.h5").is_file()
    assert kept.images == expected.images


def test_two_backups_of_the_same_second_have_folders_of_their_own(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups.time, "strftime", lambda _: "2026-01-02_030405")
    home = open_project(project)
    folders = []
    for _ in range(3):
        backup = LabelBackup(home)
        backup.copy(home.labels_path("vid"))
        folders.append(backup.folder)
    root = project / "label-backups"
    assert folders == [root / f"2026-01-02_030405{end}" for end in ("", "-1", "-2")]
