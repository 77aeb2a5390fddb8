"""Files that appear together in a folder, or not at all.

::

    .import.part/new/...     the files, complete, until they are moved to their places
    .import.part/old/...     those that they replace
    .import.part/complete    all of ``new`` is there: who finds the folder of a killed process moves the rest
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
class Together:
    """Files on their way to ``home``; those that are ``last`` are moved at the end."""

    home: Path
    last: Callable[[Path], bool]
    _moved: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Where they are gathered."""
        return self.home / ".import.part"

    def path(self, *parts: str) -> Path:
        """Where to write what shall be ``home/parts``."""
        return self.folder.joinpath("new", *parts)

    def publish(self) -> None:
        """Move all files to their places.

        Raises
        ------
        OSError
            When one cannot be moved.
        DlcxError
            When another program has changed one meanwhile.
        """
        (self.folder / "complete").touch()
        sync_folder(self.folder)
        found = (path.relative_to(self.path()) for path in self.path().rglob("*") if path.is_file())
        for below in sorted(found, key=lambda path: (self.last(path), path)):
            target, kept = self.home / below, self.folder / "old" / below
            target.parent.mkdir(parents=True, exist_ok=True)
            check_unchanged(target)
            if target.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target, kept)
            self._moved.append(below)
            os.replace(self.path(*below.parts), target)
            sync_folder(target.parent)

    def undo(self) -> None:
        """Bring back what was there."""
        for below in reversed(self._moved):
            target, kept = self.home / below, self.folder / "old" / below
            with suppress(OSError):
                if kept.exists():
                    os.replace(kept, target)
                else:
                    target.unlink()
                    target.parent.rmdir()  # a folder that this made; one with other files stays

    def settle(self) -> None:
        """Finish what a killed process had begun to move; nothing of what it had not gathered completely."""
        if (self.folder / "complete").is_file():
            self.publish()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def together(home: Path, last: Callable[[Path], bool]) -> Iterator[Together]:
    """While the body runs, files for ``home`` are gathered beside it; when it raises, all is as it was before.

    Raises
    ------
    DlcxError
        When another process gathers files for ``home``, or one cannot be written.
    """
    files = Together(home, last)
    with locked(home / ".import.lock", str(home), wait=MAX_EDIT):
        try:
            files.settle()
            files.path().mkdir(parents=True)
            files = Together(home, last)
            yield files
        except BaseException as error:
            files.undo()
            if isinstance(error, OSError):
                raise _cannot_write(error, home) from error
            if type(error) is DlcxError and str(files.path()) in str(error):
                named = str(error).replace(str(files.path()), str(home))  # what the user knows the file as
                raise DlcxError(named, hint=error.hint) from error
            raise
        finally:
            shutil.rmtree(files.folder, ignore_errors=True)


def _cannot_write(error: OSError, home: Path) -> DlcxError:
    if is_disk_full(error, home):
        return disk_full_error(home)
    return DlcxError(
        f"cannot write {error.filename2 or error.filename or home}: {error.strerror or error}",
        hint="Check the folder's permissions. No existing file was changed.",
    )
