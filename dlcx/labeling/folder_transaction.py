"""Files that appear together in a folder, or not at all.

::

    .import.part/new/...     the new files, until they are moved to their places
    .import.part/old/...     the files that they replace
    .import.part/complete    marks ``new`` as complete: after a crash, the next call moves the remaining files
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.locks import MAX_EDIT, locked
from dlcx.outputs import check_unchanged, disk_full_error, is_disk_full, sync_folder


@dataclass
class FolderTransaction:
    """New files for a folder; files for which ``is_last`` is true are moved at the end."""

    target: Path
    is_last: Callable[[Path], bool]
    _moved: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The folder that collects the files."""
        return self.target / ".import.part"

    def path(self, *parts: str) -> Path:
        """Where to write the file that will become ``target/parts``."""
        return self.folder.joinpath("new", *parts)

    def publish(self) -> None:
        """Move all files to their places.

        Raises
        ------
        OSError
            If a file cannot be moved.
        DlcxError
            If another program changed a file in the meantime.
        """
        (self.folder / "complete").touch()
        sync_folder(self.folder)
        found = (path.relative_to(self.path()) for path in self.path().rglob("*") if path.is_file())
        for below in sorted(found, key=lambda path: (self.is_last(path), path)):
            destination, kept = self.target / below, self.folder / "old" / below
            destination.parent.mkdir(parents=True, exist_ok=True)
            check_unchanged(destination)
            if destination.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(destination, kept)
            self._moved.append(below)
            os.replace(self.path(*below.parts), destination)
            sync_folder(destination.parent)

    def undo(self) -> None:
        """Restore the previous files."""
        for below in reversed(self._moved):
            destination, kept = self.target / below, self.folder / "old" / below
            with suppress(OSError):
                if kept.exists():
                    os.replace(kept, destination)
                else:
                    destination.unlink()
                    destination.parent.rmdir()  # only succeeds for an empty folder, which this created

    def recover(self) -> None:
        """Complete the transaction of a killed process, or discard it if its files were incomplete."""
        if (self.folder / "complete").is_file():
            self.publish()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def folder_transaction(target: Path, is_last: Callable[[Path], bool]) -> Iterator[FolderTransaction]:
    """Collect files for ``target`` while the body runs; if it raises, the folder stays unchanged.

    Parameters
    ----------
    target
        The folder.
    is_last
        Files to move at the end.

    Raises
    ------
    DlcxError
        If another process has a transaction for ``target``, or a file cannot be written.
    """
    files = FolderTransaction(target, is_last)
    with locked(target / ".import.lock", str(target), wait=MAX_EDIT):
        try:
            files.recover()
            files.path().mkdir(parents=True)
            files = FolderTransaction(target, is_last)
            yield files
        except BaseException as error:
            files.undo()
            if isinstance(error, OSError):
                raise _cannot_write(error, target) from error
            if type(error) is DlcxError and str(files.path()) in str(error):
                named = str(error).replace(str(files.path()), str(target))  # the path that the user knows
                raise DlcxError(named, hint=error.hint) from error
            raise
        finally:
            shutil.rmtree(files.folder, ignore_errors=True)


def _cannot_write(error: OSError, target: Path) -> DlcxError:
    if is_disk_full(error, target):
        return disk_full_error(target)
    return DlcxError(
        f"cannot write {error.filename2 or error.filename or target}: {error.strerror or error}",
        hint="Check the folder's permissions. No existing file was changed.",
    )
