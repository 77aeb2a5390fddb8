"""Every output is complete or absent: written beside its final name, flushed to the disk, renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.untrusted_files import check_name, open_binary

#: What a system says when a disk or a user's share of it is full.
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
#: Free bytes below which a disk counts as full when a library's error does not say why it could not write.
_NEARLY_NONE = 64 * 2**10
#: Bytes that the name of a file may have.
_LONGEST_NAME = 255
#: Free bytes with which an output fails for lack of room only where a quota is used up.
_QUOTA = 2**32
#: Seconds after which an untouched temporary file of another host is a leftover.
_ABANDONED = 24 * 3600.0
#: The name of a temporary file: where its process runs (not in files of dlcx 0.1), and the number of that process.
_TEMPORARY = re.compile(r"\..+\.(?:([0-9a-f]{6})-)?(\d+)\.part(?:\.[^.]*)?")
#: Folders that this process has cleared of leftovers.
_swept: set[Path] = set()
#: What the files held by :func:`unchanged` contained when this process read them.
_expected: ContextVar[dict[Path, str | None] | None] = ContextVar("expected", default=None)


@contextmanager
def atomic_file(path: Path, size: int = 0) -> Iterator[Path]:
    """Yield a temporary path with the same suffix in the same folder; on success it becomes ``path``.

    The folder is made when it is missing.  When the body raises, ``path`` keeps what it held before.  ``size`` is how
    many bytes the file has at least, where that is known, for the message when the disk is full.  Temporary files that
    killed processes have left in the folder are removed first.

    Raises
    ------
    DlcxError
        When the folder or file cannot be written (permissions, disk full), or when another program has changed the
        file, see :func:`unchanged`.
    """
    path = Path(path)
    check_name(path)
    beside = path.with_name(
        fit_file_name(f".{path.stem}", f".{process_namespace()[1]}-{os.getpid()}.part{path.suffix}")
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        yield beside
        with open(beside, "rb+") as written:
            os.fsync(written.fileno())
        check_unchanged(path)
        os.replace(beside, path)
        _note_own_change(path)
        sync_folder(path.parent)
    except Exception as error:
        cause = _cause(error, beside)
        with suppress(OSError):
            beside.unlink()
        if cause is None:
            raise
        if cause.errno in _FULL:
            raise disk_full_error(path, size) from error
        raise DlcxError(
            f"cannot write {path}: {cause.strerror or ' '.join(str(cause).split())[:200]}",
            hint="Check the folder's permissions and limits; nothing existing was changed.",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def check_folder(folder: Path) -> None:
    """Refuse a folder for outputs that cannot be written or made, before any work for them is done; makes nothing.

    Raises
    ------
    DlcxError
        When it, or the nearest folder above it that exists, is a file or cannot be written.
    """
    there = Path(folder).absolute()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise DlcxError(f"cannot write into {folder}: {there} is not a folder", hint="Name another folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise DlcxError(f"cannot write into {folder}: no permission to write {there}", hint="Name another folder.")


def reserve(path: Path, size: int) -> None:
    """Make sure that ``path`` can grow to ``size`` bytes, for a library that crashes where it cannot.

    Raises
    ------
    OSError
        When the disk is full, or a quota or limit is used up.
    """
    with open(path, "ab") as file:
        missing = size - file.tell()
        if missing > 0 and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), file.tell(), missing)
        elif missing > 0:
            file.write(bytes(missing))


def is_disk_full(error: Exception, folder: Path) -> bool:
    """Whether a failure to write into a folder comes of a full disk, of which libraries tell in their own words."""
    if (number := _error_number(error)) is not None:
        return number in _FULL
    if not isinstance(error, (OSError, RuntimeError)) and type(error) is not DlcxError:
        return False  # a bug is no lack of room
    with suppress(OSError):
        return shutil.disk_usage(folder).free < _NEARLY_NONE
    return False


def _error_number(error: Exception) -> int | None:
    """The system's number of an error; the HDF5 library has it in its text."""
    if not isinstance(error, OSError):
        return None
    if named := re.search(r"\berrno = (\d+)", str(error)):
        return int(named[1])
    return error.errno


def _cause(error: Exception, beside: Path) -> OSError | None:
    """Why a file could not be written, where the system is the cause; ``beside`` may be changed."""
    if (number := _error_number(error)) is not None:
        return OSError(number, os.strerror(number))
    if not isinstance(error, (OSError, RuntimeError)) and type(error) is not DlcxError:
        return None
    if is_disk_full(error, beside.parent):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:  # many libraries do not tell that a disk, quota or limit stopped them
        reserve(beside, beside.stat().st_size + _NEARLY_NONE)
    except FileNotFoundError:
        pass
    except OSError as refused:
        return refused
    return error if isinstance(error, OSError) else None


def disk_full_error(path: Path, size: int = 0) -> DlcxError:
    """The error for a file that has no room on its disk; all that was written of it must be gone already."""
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(path.parent).free
    needed = f"{size:,} bytes are needed" if size > free else f"more than {free:,} bytes are needed"
    room = f"{needed}, {free:,} are free"
    if size <= free and free > _QUOTA:
        room = f"the disk has {free:,} bytes free, so a quota may be used up"
    return DlcxError(
        f"disk full: cannot write {path}: no space left: {room}",
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


@contextmanager
def require_unchanged(*paths: Path) -> Iterator[None]:
    """Refuse to replace one of ``paths`` in the body when another program has changed it since the body began.

    An editor or DeepLabCut knows nothing of dlcx's locks.
    """
    before = _expected.get() or {}
    token = _expected.set({**before, **{path.absolute(): digest(path) for path in paths}})
    try:
        yield
    finally:
        _expected.reset(token)


def check_unchanged(path: Path) -> None:
    """Make sure that no other program has changed a file that :func:`unchanged` holds.

    Raises
    ------
    DlcxError
        When one has.
    """
    expected = _expected.get() or {}
    key = path.absolute()
    if key in expected and digest(path) != expected[key]:
        raise DlcxError(
            f"{path} was changed by another program while dlcx was at work on it; it stays as that program left it",
            hint="Run the same command again.",
        )


def _note_own_change(path: Path) -> None:
    expected, key = _expected.get() or {}, path.absolute()
    if key in expected:
        expected[key] = digest(path)


def digest(path: Path) -> str | None:
    """SHA-256 of a file's content; None for a file that does not exist."""
    try:
        with open_binary(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except DlcxError:
        return None


@contextmanager
def marked_outdated(path: Path) -> Iterator[None]:
    """While the body replaces another file first and ``path`` last, note beside ``path`` that it is the older one.

    The note, a digest of the content, stays when the process is killed.

    Raises
    ------
    DlcxError
        When the note cannot be written.
    """
    if (content := digest(path)) is not None:
        write_text(_note_of_outdated(path), content + "\n")
    yield
    unmark_outdated(path)


def is_marked_outdated(path: Path) -> bool:
    """Whether a process was killed before it replaced ``path``, and nobody has changed it since."""
    try:
        return _note_of_outdated(path).read_text(encoding="ascii").strip() == digest(path)
    except (OSError, ValueError):
        return False


def unmark_outdated(path: Path) -> None:
    """Remove the note that ``path`` is older than another file."""
    remove(_note_of_outdated(path))


def _note_of_outdated(path: Path) -> Path:
    return path.with_name(fit_file_name(f".{path.name}", ".outdated"))


def fit_file_name(stem: str, ending: str) -> str:
    """``stem`` and ``ending``; a stem that is too long for a file's name is cut, and a digest tells it from others."""
    room = _LONGEST_NAME - len(os.fsencode(ending))
    raw = os.fsencode(stem)
    if len(raw) <= room:
        return stem + ending
    return f"{raw[: room - 9].decode(errors='ignore')}-{hashlib.sha256(raw).hexdigest()[:8]}{ending}"


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove the temporary files and folders ``.<stem>...`` of killed processes; those of running ones stay."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(f".{stem}") and _is_leftover(path):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that it holds, where the system lets it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes, once for each folder that this process writes to."""
    key = folder.absolute()
    if key not in _swept:
        _swept.add(key)
        with suppress(OSError), os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(".")]
            for path in (folder / name for name in names):
                if path.is_file() and _is_leftover(path):
                    remove(path)


def _is_leftover(path: Path) -> bool:
    """Whether a file has the name of a temporary one, and its process is gone."""
    named = _TEMPORARY.fullmatch(path.name)
    if named is None:
        return False
    if named[1] in (None, process_namespace()[1]):
        return not _is_running(int(named[2]))
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > _ABANDONED
    return False


@cache
def process_namespace() -> tuple[str, str]:
    """Whose processes can be seen from here: the running system and, in a container, its processes; and a short form.

    A child process is in the same place.
    """
    place = socket.gethostname()
    with suppress(OSError):
        place += " " + Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        place += " " + os.readlink("/proc/self/ns/pid")
    return place, hashlib.sha256(place.encode(errors="replace")).hexdigest()[:6]


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
    with suppress(
        OSError, IndexError
    ):  # where there is /proc: an ended process keeps its number until it is waited for
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return True


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, completely or not at all."""
    content = text.encode()
    with atomic_file(path, len(content)) as beside:
        beside.write_bytes(content)
