"""Every output is whole or absent."""

from __future__ import annotations

import pytest

from dlcx.errors import DlcxError
from dlcx.outputs import whole_file, write_text


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
