from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.data.find_files import find_files
from dlcx.errors import DlcxError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.avi", "a.AVI", "c.txt", ".hidden.avi", "out_a.avi"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*wanted: str | Path) -> list[str]:
    found = find_files(wanted, (".avi",), "video", is_output=lambda path: path.name.startswith("out"))
    return [path.name for path in found]


def test_folders_and_patterns_give_the_accepted_suffixes(folder: Path) -> None:
    assert names(folder) == names("*") == ["a.AVI", "b.avi"]
    assert names("*.txt") == ["c.txt"]  # a pattern with a suffix decides itself
    assert names("c.txt", "*") == ["c.txt", "a.AVI", "b.avi"]


def test_a_file_that_is_named_twice_is_returned_once(folder: Path) -> None:
    assert names("b.avi", folder, folder / "b.avi") == ["b.avi", "a.AVI"]


def test_hidden_files_must_be_named(folder: Path) -> None:
    assert names(".hidden.avi") == [".hidden.avi"]


def test_output_is_skipped_unless_it_is_the_only_argument(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert names("out_a.avi", "b.avi") == ["b.avi"]
    assert caplog.messages == ["skipped files made from an analysis: out_a.avi"]
    assert names("out_a.avi") == ["out_a.avi"]


def test_long_lists_of_skipped_files_are_shortened(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(5):
        (folder / f"out_{number}.avi").touch()
    names(folder)
    assert caplog.messages == ["skipped files made from an analysis: out_0.avi, out_1.avi, out_2.avi and 3 more"]


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("gone.avi", "no such video or folder: gone.avi", ""),
        ("*.mkv", "no video in ", "A folder is searched for .avi."),
    ],
)
def test_nothing_found(folder: Path, wanted: str, message: str, hint: str) -> None:
    with pytest.raises(DlcxError) as caught:
        names(wanted)
    assert message in str(caught.value)
    assert caught.value.hint == hint


def test_only_output_found(folder: Path) -> None:
    (folder / "out_b.avi").touch()
    with pytest.raises(DlcxError, match=r"out_a\.avi was made from an analysis") as caught:
        names("out*")
    assert caught.value.hint == "Name it alone to use it as a video."
