"""Files that appear together in a folder, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.labeling import folder_transaction as module
from dlcx.labeling.folder_transaction import FolderTransaction, folder_transaction


def write(files: FolderTransaction, **contents: str) -> None:
    for name, text in contents.items():
        path = files.path(name, "labels.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def contents(folder: Path) -> dict[str, str]:
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".import")]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def test_files_appear_when_they_are_published(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "labels.csv").write_text("before")
    with folder_transaction(tmp_path, lambda path: False) as files:
        write(files, a="new", b="also new")
        assert (tmp_path / "a" / "labels.csv").read_text() == "before"
        assert not (tmp_path / "b").exists()
        files.publish()
    assert contents(tmp_path) == {"a/labels.csv": "new", "b/labels.csv": "also new"}
    assert not files.folder.exists()


def test_the_last_files_are_moved_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    replace = module.os.replace
    monkeypatch.setattr(module.os, "replace", lambda old, new: (moved.append(Path(new).parent.name), replace(old, new)))
    with folder_transaction(tmp_path, lambda path: path.parts[0] == "a") as files:
        write(files, a="1", b="2", c="3")
        files.publish()
    assert moved == ["b", "c", "a"]


def test_an_error_restores_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "labels.csv").write_text("before")
    with pytest.raises(DlcxError, match="stop"), folder_transaction(tmp_path, lambda path: False) as files:
        write(files, a="new", b="new")
        files.publish()
        raise DlcxError("stop")
    assert contents(tmp_path) == {"a/labels.csv": "before"}
    assert not (tmp_path / "b").exists()


def test_errors_name_the_path_that_the_user_knows(tmp_path: Path) -> None:
    with pytest.raises(DlcxError) as caught, folder_transaction(tmp_path, lambda path: False) as files:
        raise DlcxError(f"cannot read {files.path('a')}", hint="Try again.")
    assert str(caught.value) == f"cannot read {tmp_path}/a"
    assert caught.value.hint == "Try again."


@pytest.mark.parametrize(("complete", "expected"), [(True, {"a/labels.csv": "new"}), (False, {})])
def test_a_killed_transaction_is_completed_or_discarded(tmp_path: Path, complete: bool, expected: dict) -> None:
    files = FolderTransaction(tmp_path, lambda path: False)
    write(files, a="new")
    if complete:
        (files.folder / "complete").touch()
    files.recover()
    assert contents(tmp_path) == expected
    assert not files.folder.exists()
