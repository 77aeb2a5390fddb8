"""Every output is whole or absent: written beside its final name, flushed to the disk, renamed."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dlcx.errors import DlcxError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix in the same folder; on success it becomes ``path``.

    The folder is made when it is missing.  When the body raises, ``path`` keeps what it held before.

    Raises
    ------
    DlcxError
        When the folder or file cannot be written (permissions, disk full).
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with open(beside, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        raise DlcxError(
            f"cannot write {path}: {error.strerror or error}",
            hint="Check free disk space and permissions; nothing existing was changed.",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can; a file's own fsync leaves its name open."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove what killed processes have left of :func:`whole_file` for files ``<stem>...``; others' may still write."""
    for path in folder.glob(f".{glob.escape(stem)}*.part*"):
        named = re.search(r"\.(\d+)\.part\.[^.]*$|\.(\d+)\.part$", path.name)
        if named and not _is_running(int(named[1] or named[2])):
            with suppress(OSError):
                path.unlink()


def _is_running(pid: int) -> bool:
    """Whether a process of this host has the number; where that cannot be seen it counts as running."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
