"""Every output is whole or absent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlcx import outputs
from dlcx.errors import DlcxError
from dlcx.outputs import (
    atomic_file,
    fit_file_name,
    process_namespace,
    remove_leftovers,
    require_unchanged,
    reserve,
    write_text,
)


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_a_written_file_appears_complete_in_a_new_folder(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_file(target) as beside:
        beside.write_text("half")
        assert beside.suffix == ".txt"
        assert not target.exists()
        beside.write_text("whole")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_what_was_there_and_leaves_nothing_behind(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "earlier")
    with pytest.raises(ZeroDivisionError), atomic_file(target) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DlcxError, match="cannot write") as caught:
        write_text(tmp_path / "file" / "a.txt", "x")
    assert "permissions" in caught.value.hint


def test_a_file_that_another_program_changed_meanwhile_stays(tmp_path):
    target, other = tmp_path / "config.yaml", tmp_path / "b.txt"
    write_text(target, "a: 1\n")
    with require_unchanged(target):
        write_text(target, "a: 2\n")  # dlcx's own changes are none of another program
        write_text(other, "x")
        target.write_text("b: 2\n")  # as long as before
        with pytest.raises(DlcxError, match=r"config.yaml was changed by another program") as refused:
            write_text(target, "a: 3\n")
    assert refused.value.hint == "Run the same command again."
    assert target.read_text() == "b: 2\n"
    write_text(target, "a: 4\n")
    assert target.read_text() == "a: 4\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "config.yaml"]


def test_a_file_that_appears_or_goes_meanwhile_counts_as_changed(tmp_path):
    target = tmp_path / "labels.csv"
    with require_unchanged(target), pytest.raises(DlcxError, match="was changed"):
        target.write_text("theirs")
        write_text(target, "mine")
    assert target.read_text() == "theirs"
    with require_unchanged(target), pytest.raises(DlcxError, match="was changed"):
        target.unlink()
        write_text(target, "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_next_file_of_a_folder_removes_what_killed_processes_have_left(tmp_path):
    place, dead = process_namespace()[1], ended()
    far = tmp_path / f".c.0f0f0f-{dead}.part.h5"
    old = tmp_path / f".d.0f0f0f-{dead}.part"
    kept = [far, tmp_path / f".e.{place}-{os.getppid()}.part.h5", tmp_path / ".notes.part", tmp_path / ".a.12.parts"]
    left = [tmp_path / f".a.{place}-{dead}.part.h5", tmp_path / f".b.{dead}.part.nwb", old]
    for path in [*kept, *left]:
        path.write_text("")
    os.utime(old, (0, 0))  # another host's, untouched for more than a day
    write_text(tmp_path / "a.txt", "x")
    assert sorted(tmp_path.iterdir()) == sorted([*kept, tmp_path / "a.txt"])


def test_leftover_folders_go_by_name(tmp_path):
    place, dead = process_namespace()[1], ended()
    mine, other = tmp_path / f".p.{place}-{dead}.part", tmp_path / f".q.{place}-{dead}.part"
    for folder in (mine, other):
        (folder / "videos").mkdir(parents=True)
    remove_leftovers(tmp_path, "p.")
    assert list(tmp_path.iterdir()) == [other]
    remove_leftovers(tmp_path / "missing", "p.")


def test_names_that_are_too_long_are_cut_to_different_ones(tmp_path):
    assert fit_file_name(".v", ".part") == ".v.part"
    one, two = (fit_file_name("ä" * 200 + end, ".part.h5") for end in "ab")
    assert one != two
    assert one.endswith(".part.h5")
    assert max(len(os.fsencode(name)) for name in (one, two)) <= 255
    target = tmp_path / ("n" * 252 + ".h5")
    write_text(target, "x")
    assert list(tmp_path.iterdir()) == [target]


def test_places_are_the_same_for_a_child():
    code = "from dlcx.outputs import process_namespace; print(process_namespace()[1])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == outputs.process_namespace()[1]


@pytest.fixture
def file_limit() -> Iterator[int]:
    """No file can be larger: what a quota or a full disk does, without a disk of its own."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = 2**20
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "words", [RuntimeError("PytorchStreamWriter failed"), DlcxError("0 frames are there"), OSError("?")]
)
def test_the_systems_reason_is_told_when_a_library_has_none(tmp_path: Path, file_limit: int, words: Exception) -> None:
    path = tmp_path / "result.bin"
    path.write_bytes(b"earlier")
    with pytest.raises(DlcxError, match=rf"^cannot write {re.escape(str(path))}: File too large$"):  # noqa: SIM117
        with atomic_file(path) as beside:
            beside.write_bytes(bytes(file_limit))
            raise words
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_bug_of_a_library_stays_one_where_there_is_room(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="shapes"), atomic_file(tmp_path / "result.bin") as beside:
        beside.write_bytes(b"begun")
        raise RuntimeError("shapes")
    assert list(tmp_path.iterdir()) == []


def test_the_hdf5_library_has_the_reason_in_its_text(tmp_path: Path) -> None:
    raw = "Unable to write (file write failed: time = Tue\n, errno = 28, error message = 'No space left on device'"
    with pytest.raises(DlcxError, match=r"^disk full: cannot write .*/a\.slp: no space left"):  # noqa: SIM117
        with atomic_file(tmp_path / "a.slp") as beside:
            beside.write_bytes(b"begun")
            raise OSError(raw)
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_room_before_it_is_written(tmp_path: Path, file_limit: int) -> None:
    reserve(tmp_path / "fits", file_limit)
    assert (tmp_path / "fits").stat().st_size == file_limit
    with pytest.raises(OSError, match="File too large"):
        reserve(tmp_path / "too large", file_limit + 1)
