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

#: Error numbers of a full disk and of an exhausted quota.
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
#: If a library does not say why it could not write, the disk counts as full below this many free bytes.
_NEARLY_FULL = 64 * 2**10
#: Maximum length of a file name in bytes.
_MAX_NAME = 255
#: With more free bytes than this, a full disk can only be an exhausted quota.
_QUOTA = 2**32
#: A temporary file of another host counts as left over after this many seconds without a change.
_ABANDONED = 24 * 3600.0
#: Names of temporary files: the namespace of the process (absent from files of dlcx 0.1) and its process id.
_TEMPORARY = re.compile(r"\..+\.(?:([0-9a-f]{6})-)?(\d+)\.part(?:\.[^.]*)?")
#: Folders from which this process has already removed leftover files.
_swept: set[Path] = set()
#: Digests of the files guarded by :func:`require_unchanged`, as this process last saw them.
_expected: ContextVar[dict[Path, str | None] | None] = ContextVar("expected", default=None)


@contextmanager
def atomic_file(path: Path, size: int = 0) -> Iterator[Path]:
    """Write a file completely or not at all.

    The body writes to a temporary path, which is renamed to ``path`` when the body ends.  If the body raises, ``path``
    keeps its old content.  Missing folders are created.  Temporary files that killed processes left in the folder are
    removed first.

    Parameters
    ----------
    path
        The file to write.
    size
        Minimum number of bytes of the file, if known.  The error for a full disk mentions it.

    Yields
    ------
    Path
        The temporary path: same folder, same suffix.

    Raises
    ------
    DlcxError
        If the folder or file cannot be written, the disk is full, or another program has changed a file that is guarded
        by :func:`require_unchanged`.
    """
    path = Path(path)
    check_name(path)
    temporary = path.with_name(
        fit_file_name(f".{path.stem}", f".{process_namespace()[1]}-{os.getpid()}.part{path.suffix}")
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        check_unchanged(path)
        os.replace(temporary, path)
        _remember_digest(path)
        sync_folder(path.parent)
    except Exception as error:
        cause = _system_error(error, temporary)
        with suppress(OSError):
            temporary.unlink()
        if cause is None:
            raise
        if cause.errno in _FULL:
            raise disk_full_error(path, size) from error
        raise DlcxError(
            f"cannot write {path}: {cause.strerror or ' '.join(str(cause).split())[:200]}",
            hint="Check the folder's permissions and limits. No existing file was changed.",
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_folder(folder: Path) -> None:
    """Check that files can be written to a folder, before any work is done for them; creates nothing.

    Raises
    ------
    DlcxError
        If the folder, or its nearest parent that exists, is not a folder or cannot be written.
    """
    existing = Path(folder).absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise DlcxError(f"cannot write into {folder}: {existing} is not a folder", hint="Name another folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise DlcxError(f"cannot write into {folder}: no permission to write {existing}", hint="Name another folder.")


def reserve(path: Path, size: int) -> None:
    """Allocate ``size`` bytes for a file, for libraries that crash when the disk is full.

    Raises
    ------
    OSError
        If the disk is full, or a quota or limit is exhausted.
    """
    with open(path, "ab") as file:
        missing = size - file.tell()
        if missing > 0 and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), file.tell(), missing)
        elif missing > 0:
            file.write(bytes(missing))


def is_disk_full(error: Exception, folder: Path) -> bool:
    """Return whether writing to a folder failed because the disk is full, which each library reports differently."""
    if (number := _error_number(error)) is not None:
        return number in _FULL
    if not isinstance(error, (OSError, RuntimeError)) and type(error) is not DlcxError:
        return False  # any other exception is a bug, not a full disk
    with suppress(OSError):
        return shutil.disk_usage(folder).free < _NEARLY_FULL
    return False


def _error_number(error: Exception) -> int | None:
    """Return the system's error number; the HDF5 library puts it into the message."""
    if not isinstance(error, OSError):
        return None
    if named := re.search(r"\berrno = (\d+)", str(error)):
        return int(named[1])
    return error.errno


def _system_error(error: Exception, temporary: Path) -> OSError | None:
    """Return the system error behind a failed write, or None; may append to the file ``temporary`` to find out."""
    if (number := _error_number(error)) is not None:
        return OSError(number, os.strerror(number))
    if not isinstance(error, (OSError, RuntimeError)) and type(error) is not DlcxError:
        return None
    if is_disk_full(error, temporary.parent):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:  # many libraries do not report that a disk, quota or limit stopped them
        reserve(temporary, temporary.stat().st_size + _NEARLY_FULL)
    except FileNotFoundError:
        pass
    except OSError as refused:
        return refused
    return error if isinstance(error, OSError) else None


def disk_full_error(path: Path, size: int = 0) -> DlcxError:
    """Return the error for a file that does not fit on its disk; remove what was written of it first."""
    free = 0
    with suppress(OSError):
        free = shutil.disk_usage(path.parent).free
    needed = f"{size:,} bytes are needed" if size > free else f"more than {free:,} bytes are needed"
    room = f"{needed}, {free:,} are free"
    if size <= free and free > _QUOTA:
        room = f"the disk has {free:,} bytes free, so a quota may be exhausted"
    return DlcxError(
        f"disk full: cannot write {path}: no space left: {room}",
        hint="Free some space and run the same command again. No existing file was changed.",
    )


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk, if the system can: fsync of a file does not cover its name."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def require_unchanged(*paths: Path) -> Iterator[None]:
    """Make :func:`atomic_file` refuse to replace files that another program changes while the body runs.

    Editors and DeepLabCut do not know dlcx's locks.
    """
    outer = _expected.get() or {}
    token = _expected.set({**outer, **{path.absolute(): digest(path) for path in paths}})
    try:
        yield
    finally:
        _expected.reset(token)


def check_unchanged(path: Path) -> None:
    """Check that no other program has changed a file that :func:`require_unchanged` guards.

    Raises
    ------
    DlcxError
        If the content of the file differs from what this process last read or wrote.
    """
    expected = _expected.get() or {}
    key = path.absolute()
    if key in expected and digest(path) != expected[key]:
        raise DlcxError(
            f"{path} was changed by another program while dlcx was working on it; that version is kept",
            hint="Run the same command again.",
        )


def _remember_digest(path: Path) -> None:
    expected, key = _expected.get() or {}, path.absolute()
    if key in expected:
        expected[key] = digest(path)


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file's content, or None if the file does not exist."""
    try:
        with open_binary(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except DlcxError:
        return None


@contextmanager
def marked_outdated(path: Path) -> Iterator[None]:
    """Mark ``path`` as outdated while the body first replaces another file and then ``path``.

    The mark is a hidden file beside ``path`` that holds the digest of its content.  It remains if the process is
    killed.

    Raises
    ------
    DlcxError
        If the mark cannot be written.
    """
    if (content := digest(path)) is not None:
        write_text(_outdated_mark(path), content + "\n")
    yield
    unmark_outdated(path)


def is_marked_outdated(path: Path) -> bool:
    """Return whether a process was killed before it replaced ``path`` and the file has not changed since."""
    try:
        return _outdated_mark(path).read_text(encoding="ascii").strip() == digest(path)
    except (OSError, ValueError):
        return False


def unmark_outdated(path: Path) -> None:
    """Remove the mark that ``path`` is outdated."""
    remove(_outdated_mark(path))


def _outdated_mark(path: Path) -> Path:
    return path.with_name(fit_file_name(f".{path.name}", ".outdated"))


def fit_file_name(stem: str, ending: str) -> str:
    """Return ``stem + ending``, with a long stem cut to fit into a file name and made unique by a digest."""
    room = _MAX_NAME - len(os.fsencode(ending))
    raw = os.fsencode(stem)
    if len(raw) <= room:
        return stem + ending
    return f"{raw[: room - 9].decode(errors='ignore')}-{hashlib.sha256(raw).hexdigest()[:8]}{ending}"


def remove_leftovers(folder: Path, stem: str) -> None:
    """Remove the temporary files and folders ``.<stem>...`` of killed processes, but not of running ones."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name.startswith(f".{stem}") and _is_leftover(path):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with its content; ignore errors of the system."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes, once per folder that this process writes to."""
    key = folder.absolute()
    if key not in _swept:
        _swept.add(key)
        with suppress(OSError), os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(".")]
            for path in (folder / name for name in names):
                if path.is_file() and _is_leftover(path):
                    remove(path)


def _is_leftover(path: Path) -> bool:
    """Return whether a file is a temporary file of a process that has ended."""
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
    """Return the namespace of process ids that this process sees, and a digest of 6 characters.

    It consists of the host, its boot and, in a container, the container's process namespace.  Child processes have the
    same one.
    """
    namespace = socket.gethostname()
    with suppress(OSError):
        namespace += " " + Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace += " " + os.readlink("/proc/self/ns/pid")
    return namespace, hashlib.sha256(namespace.encode(errors="replace")).hexdigest()[:6]


def _is_running(pid: int) -> bool:
    """Return whether a process of this host has this id; if the system cannot tell, assume that it has."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    with suppress(OSError, IndexError):  # an ended process keeps its id until its parent waits for it
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return True


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, completely or not at all."""
    content = text.encode()
    with atomic_file(path, len(content)) as temporary:
        temporary.write_bytes(content)
