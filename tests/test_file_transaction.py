"""Files that are replaced together: all of them are the new ones, or all of them the old ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from killing import Killed, killed_at

from dlcx.errors import DlcxError
from dlcx.file_transaction import replace_files, replacement_lock, restore_folder
from dlcx.outputs import write_text

MODELS, SETS = "dlc-models-pytorch/iteration-0", "training-datasets/iteration-0/set"
OLD = {f"{MODELS}/s1/train/snapshot-5.pt": "hours", f"{SETS}/split": "old", f"{SETS}/meta": "old"}
NEW = {f"{MODELS}/s1/train/config": "new", f"{SETS}/split": "new", f"{SETS}/meta": "old new", f"{SETS}/more": "new"}


def begin(root: Path) -> None:
    for name, text in OLD.items():
        write_text(root / name, text)


def replace(root: Path, *, fail: bool = False) -> None:
    meta, config = root / SETS / "meta", root / MODELS / "s1/train/config"
    moved = [root / MODELS / "s1", root / "evaluation-results-pytorch/iteration-0/s1", root / SETS / "split"]
    with (
        replacement_lock(root),
        replace_files(root, moved=moved, copied=[meta, root / SETS / "more"], complete=[config]),
    ):
        assert not (root / SETS / "split").exists()
        write_text(root / SETS / "split", "new")
        write_text(root / SETS / "more", "new")
        write_text(meta, meta.read_text() + " new")
        if fail:
            raise DlcxError("the disk is full")
        write_text(config, "new")


def content(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_old_files_come_back_when_the_new_ones_fail(tmp_path: Path) -> None:
    begin(tmp_path)
    with pytest.raises(DlcxError, match="the disk is full"):
        replace(tmp_path, fail=True)
    assert content(tmp_path) == OLD
    replace(tmp_path)
    assert content(tmp_path) == NEW


def test_a_kill_at_any_moment_leaves_all_old_or_all_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    seen: list[bool] = []
    for event in range(1000):
        root = tmp_path / str(event)
        begin(root)
        try:
            with killed_at(event, root):
                replace(root)
        except Killed:
            pass
        else:
            break
        again = 0
        while True:  # the process that settles it may be killed as well
            try:
                with killed_at(again, root), replacement_lock(root):
                    pass
            except Killed:
                again += 5
                continue
            break
        found = {name: text for name, text in content(root).items() if ".part" not in name}
        assert found in (OLD, NEW), event
        seen.append(found == NEW)
        assert not list(root.glob(".dlcx*.json"))
        replace(root)
        assert set(content(root)) == set(NEW)  # nothing is left of the killed processes
    assert seen == sorted(seen)  # first the old files, from one moment on the new ones
    assert seen[0] is False
    assert seen[-1] is True
    assert len(seen) > 40


def test_snapshots_trained_in_an_incomplete_folder_are_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    begin(tmp_path)
    folders = [tmp_path / MODELS / name for name in ("s1", "s2")]
    try:
        with (
            replacement_lock(tmp_path),
            replace_files(tmp_path, moved=folders, complete=[one / "config" for one in folders]),
        ):
            write_text(folders[0] / "train/config", "new")
            write_text(folders[0] / "train/snapshot-7.pt", "days")
            raise DlcxError("no")
    except DlcxError:
        pass
    kept = next(path for path in (tmp_path / MODELS).iterdir() if path.name.startswith("s1.kept-"))
    assert (kept / "train/snapshot-7.pt").read_text() == "days"
    assert {name: text for name, text in content(tmp_path).items() if "kept" not in name} == OLD
    assert f"holds snapshots and is kept as {kept.name}" in caplog.text


@pytest.mark.parametrize("name", ["../../home", f"{MODELS}/../../../x", "/etc/x", "videos/a.mp4", "config.yaml"])
def test_a_journal_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    root, outside = tmp_path / "p", tmp_path / "home"
    for path in (root / "config.yaml", root / "videos/a.mp4", outside / "x"):
        write_text(path, "mine")
    before = content(tmp_path)
    journal = root / ".dlcx-replacing-0123456789ab.json"
    write_text(journal, json.dumps({"places": [[name, "absent"]], "complete": []}))
    with pytest.raises(DlcxError, match="not a journal of dlcx"), replacement_lock(root):
        pass
    journal.unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"places": [1], "complete": []}', '{"places": 3, "complete": {}}'])
def test_a_broken_journal_is_named(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / ".dlcx-replaced-0123456789ab.json", text)
    with pytest.raises(DlcxError, match=r"dlcx-replaced-0123456789ab.json: not a journal"), replacement_lock(tmp_path):
        pass


def test_what_the_first_version_had_set_aside_is_restored_or_kept(tmp_path: Path) -> None:
    folder = tmp_path / "s1"
    write_text(tmp_path / ".s1.before/a.pt", "hours")
    restore_folder(folder)
    assert content(tmp_path) == {"s1/a.pt": "hours"}
    write_text(tmp_path / ".s1.before/b.pt", "days")
    restore_folder(folder)
    assert content(tmp_path) == {"s1/a.pt": "hours", ".s1.before/b.pt": "days"}
