"""Every output is whole or absent."""

from __future__ import annotations

import pytest

from dlcx.errors import DlcxError
from dlcx.outputs import replaced_folders, whole_file, write_text


def test_a_written_file_appears_whole_in_a_new_folder(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with whole_file(target) as beside:
        beside.write_text("half")
        assert beside.suffix == ".txt"
        assert not target.exists()
        beside.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_what_was_there_and_leaves_nothing_behind(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "earlier")
    with pytest.raises(ZeroDivisionError), whole_file(target) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DlcxError, match="cannot write") as caught:
        write_text(tmp_path / "file" / "a.txt", "x")
    assert "permissions" in caught.value.hint


def test_replaced_folders_come_back_when_the_new_ones_fail(tmp_path):
    old, missing = tmp_path / "old", tmp_path / "missing"
    write_text(old / "work.txt", "hours")

    def replace(*, fail: bool) -> None:
        with replaced_folders(old, missing):
            assert not old.exists()
            write_text(old / "new.txt", "new")
            write_text(missing / "new.txt", "new")
            if fail:
                raise DlcxError("the disk is full")

    with pytest.raises(DlcxError, match="the disk is full"):
        replace(fail=True)
    assert [path.name for path in old.iterdir()] == ["work.txt"]
    replace(fail=False)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.txt")) == [
        "missing/new.txt",
        "old/new.txt",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["missing", "old"]


def test_what_a_killed_process_had_set_aside_comes_back(tmp_path):
    old, aside = tmp_path / "old", tmp_path / ".old.before"
    write_text(aside / "work.txt", "hours")
    write_text(old / "half.txt", "half")
    with pytest.raises(DlcxError, match="no"), replaced_folders(old):
        raise DlcxError("no")
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["work.txt"]
