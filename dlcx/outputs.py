"""Every output is whole or absent: written beside its final name, flushed to the disk, renamed."""

from __future__ import annotations

import errno
import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dlcx.errors import DlcxError

#: What a system says when a disk or a user's share of it is full.
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
#: Free bytes below which a disk counts as full when a library's error does not say why it could not write.
_NEARLY_NONE = 64 * 2**10


@contextmanager
def whole_file(path: Path, size: int = 0) -> Iterator[Path]:
    """Yield a temporary path with the same suffix in the same folder; on success it becomes ``path``.

    The folder is made when it is missing.  When the body raises, ``path`` keeps what it held before.  ``size`` is how
    many bytes the file has at least, where that is known, to be told when the disk is full.

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
    except Exception as error:
        full = is_full(error, path.parent)
        with suppress(OSError):
            beside.unlink()
        if full:
            raise no_room(path, size) from error
        if isinstance(error, OSError):
            raise DlcxError(
                f"cannot write {path}: {error.strerror or error}",
                hint="Check the folder's permissions; nothing existing was changed.",
            ) from error
        raise
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def replaced_folders(*folders: Path) -> Iterator[None]:
    """Set folders aside while the body writes others of their names; they go when it succeeds and come back when not.

    Those that are missing stay so.  What a killed process had set aside comes back first.

    Raises
    ------
    DlcxError
        When one cannot be moved or removed.
    """
    places = [(folder, folder.with_name(f".{folder.name}.before")) for folder in folders]
    try:
        for folder, aside in places:
            if aside.exists():  # a process was killed while it replaced the folder
                shutil.rmtree(folder, ignore_errors=True)
                aside.rename(folder)
        for folder, aside in places:
            if folder.exists():
                folder.rename(aside)
    except OSError as error:
        raise DlcxError(f"cannot replace {error.filename}: {error.strerror or error}") from error
    try:
        yield
    except BaseException:
        for folder, aside in places:
            if aside.exists():
                shutil.rmtree(folder, ignore_errors=True)
                aside.rename(folder)
        raise
    for _, aside in places:
        if aside.exists():
            try:
                shutil.rmtree(aside)
            except OSError as error:
                raise DlcxError(f"cannot remove {aside}: {error.strerror or error}") from error


def ensure_room(path: Path, size: int) -> None:
    """Refuse to begin a file of about ``size`` bytes where there is no room for it.

    Raises
    ------
    DlcxError
        When its disk has fewer bytes left.
    """
    with suppress(OSError):
        if shutil.disk_usage(path.parent).free < size:
            raise no_room(path, size)


def is_full(error: Exception, folder: Path) -> bool:
    """Whether a failure to write into a folder comes of a full disk, of which libraries tell in their own words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    if not isinstance(error, (OSError, RuntimeError)) and type(error) is not DlcxError:
        return False  # a bug is no lack of room
    with suppress(OSError):
        return shutil.disk_usage(folder).free < _NEARLY_NONE
    return False


def no_room(path: Path, size: int = 0) -> DlcxError:
    """The error for a file that has no room on its disk; all that was written of it must be gone already."""
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(path.parent).free
    needed = f"{size:,} bytes are needed" if size > free else f"more than {free:,} bytes are needed"
    return DlcxError(
        f"disk full: cannot write {path}: {needed}, {free:,} are free",
        hint="Make room and run the same command again; nothing existing was changed.",
    )


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
    content = text.encode()
    with whole_file(path, len(content)) as beside:
        beside.write_bytes(content)
