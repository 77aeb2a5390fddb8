"""Lock files, which let one process at a time write an output.

A lock file holds the host, the process id and the time at which it was acquired.  Its process touches it every few
seconds.  A lock of this host is stale if its process has ended.  A lock of another host or container, whose processes
are not visible here, is stale if it has not been touched for :data:`STALE` seconds, by the clock of the file system,
which all hosts share.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.outputs import disk_full_error, fit_file_name, is_disk_full, process_namespace, require_unchanged
from dlcx.untrusted_files import read_json

logger = logging.getLogger(__name__)

#: Seconds between touches, and after which an untouched lock of another host is stale.  A network file system may show
#: a touch one minute late.
HEARTBEAT, STALE = 10.0, 180.0
#: Seconds between checks of a lock that is watched.
POLL = 1.0
#: Seconds between attempts to acquire a lock that protects one edit of a file, and the maximum time to wait for it.
RETRY, MAX_EDIT = 0.02, 30.0
#: Seconds of waiting after which a message names the process that holds the lock.
REMIND_AFTER = 2.0
#: An ending as long as the longest one that is appended to the name of a lock: a token.
_ENDING = "." + 32 * "0"


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Attributes
    ----------
    host
        Name of its host.
    place
        Namespace of its process id, see :func:`dlcx.outputs.process_namespace`.
    pid
        Its process id.
    born
        Its start in ticks since the system booted; 0 if unknown.
    since
        Time at which it acquired the lock.
    token
        Random text that identifies this one lock.
    """

    host: str
    place: str
    pid: int
    born: int
    since: str
    token: str

    @classmethod
    def current(cls) -> Holder:
        """Return this process as the holder of a new lock."""
        pid = os.getpid()
        return cls(
            socket.gethostname(), _place(), pid, _born(pid), time.strftime("%Y-%m-%d %H:%M:%S"), uuid.uuid4().hex
        )

    @property
    def has_ended(self) -> bool | None:
        """Whether the process has ended; None if it runs where this process cannot see it."""
        if self.place != _place() or os.name != "posix":
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return self.born != _born(self.pid)  # a process id may be reused

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Lock:
    """A lock file that this process holds; created by :func:`locked`."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder

    @property
    def is_held(self) -> bool:
        """Whether this process still holds the lock."""
        found = _read(self.path)
        return found is not None and found.token == self.holder.token

    def check(self) -> None:
        """Check that this process still holds the lock.

        Raises
        ------
        DlcxError
            If another process took it over, because this one was suspended for a long time.
        """
        if not self.is_held:
            raise DlcxError(
                f"{self.path.parent} was taken over by {_read(self.path) or 'an unknown process'}, "
                "because this process did not respond",
                hint="Nothing was written since then. Let the other process finish.",
            )


@contextmanager
def exclusive_edit(path: Path, *others: Path) -> Iterator[None]:
    """Let no other dlcx process change a file while the body edits it; wait for other edits to end.

    Programs that do not know the lock may still write the files.  The body must therefore write with
    :func:`dlcx.outputs.atomic_file`, which then refuses to replace their changes.  To edit several files, use
    :func:`exclusive_edits`, which acquires the locks in one order.

    Parameters
    ----------
    path
        The file to edit.
    others
        Files that are written together with it.

    Raises
    ------
    DlcxError
        If another process holds the lock for more than :data:`MAX_EDIT` seconds, the lock file cannot be written, or
        another program changes one of the files while the body runs.
    """
    path = Path(path)
    name = fit_file_name(f".{path.name}", f".lock{_ENDING}").removesuffix(_ENDING)
    with locked(path.with_name(name), str(path), wait=MAX_EDIT), require_unchanged(path, *others):
        yield


@contextmanager
def exclusive_edits(groups: Iterable[tuple[Path, ...]]) -> Iterator[None]:
    """Apply :func:`exclusive_edit` to several groups of files, always in the same order to avoid deadlocks.

    Parameters
    ----------
    groups
        In each group, the file to edit and the files that are written together with it.

    Raises
    ------
    DlcxError
        As :func:`exclusive_edit` does.
    """
    with ExitStack() as stack:
        for files in sorted(set(groups)):
            stack.enter_context(exclusive_edit(*files))
        yield


@contextmanager
def locked(path: Path, what: str, *, patient: bool = False, wait: float = 0.0) -> Iterator[Lock]:
    """Hold a lock file while the body runs.

    Parameters
    ----------
    path
        The lock file.  Missing folders are created, and removed again if they are still empty at the end.
    what
        Name of what the lock protects, for messages.
    patient
        If a process that is not visible here holds the lock, wait until the lock is touched or stale.  When a cluster
        restarts a job on another host, the lock of the killed job is still there.
    wait
        Seconds to wait for the holder to release the lock.

    Raises
    ------
    DlcxError
        If another process holds the lock, or the lock file cannot be written.
    """
    holder = Holder.current()
    created = [folder for folder in path.parents if not folder.exists()]
    try:
        _acquire_in_folder(path, holder, what, patient=patient, until=time.monotonic() + wait)
    except OSError as error:
        _remove_empty(created)
        if is_disk_full(error, path.parent):
            raise disk_full_error(path, len(json.dumps(asdict(holder)))) from error
        raise DlcxError(
            f"cannot write {path}: {error.strerror or error}", hint="Check the folder's permissions."
        ) from error
    lock, done = Lock(path, holder), threading.Event()

    def touch() -> None:
        while not done.wait(HEARTBEAT):
            with suppress(OSError, DlcxError):
                lock.check()
                os.utime(path)

    heartbeat = threading.Thread(target=touch, name="lock", daemon=True)
    heartbeat.start()
    try:
        yield lock
    finally:
        done.set()
        heartbeat.join()
        with suppress(OSError, DlcxError):
            lock.check()
            path.unlink()
        _remove_empty(created)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove the folders that were created for a lock, innermost first, if they are still empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _acquire_in_folder(path: Path, holder: Holder, what: str, *, patient: bool, until: float) -> None:
    """Call :func:`_acquire` after creating the folder."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _acquire(path, holder, what, patient=patient, until=until)
        except FileNotFoundError:  # the previous holder has just removed the folder that it had created
            if path.parent.exists():
                raise


def _acquire(path: Path, holder: Holder, what: str, *, patient: bool, until: float) -> None:
    """Create the lock file in one step; replace a stale one, and wait until the time ``until`` for any other."""
    mine = path.with_name(f"{path.name}.{holder.token}")
    remind = time.monotonic() + REMIND_AFTER
    try:
        with open(mine, "x", encoding="utf-8") as file:
            json.dump(asdict(holder), file)
        while not _appear(mine, path):
            other = _read(path)
            if other is None and not path.exists():
                continue  # it has just been released
            if other == holder:
                break
            if not _is_stale(path, other, mine) and not (patient and _becomes_stale(path, other, mine)):
                if time.monotonic() < until:
                    if time.monotonic() > remind:
                        logger.warning("waiting for %s, which is held by %s", what, other or "another process")
                        remind = until
                    time.sleep(RETRY)
                    continue
                raise DlcxError(
                    f"{what} is held by {other or 'another process'}",
                    hint=f"Wait for that process. If it no longer exists, delete {path}.",
                )
            if _take_over(path, other, mine):
                logger.warning("%s was held by %s, which has ended: taken over", what, other or "an unknown process")
        for left in path.parent.glob(f"{path.name}.*"):  # by processes that were killed while they waited
            with suppress(FileNotFoundError):
                if mine.stat().st_mtime - left.stat().st_mtime > STALE:
                    left.unlink()
    finally:
        with suppress(OSError):
            mine.unlink()


def _appear(mine: Path, path: Path) -> bool:
    """Give the file ``mine`` the name ``path``, unless that name is taken; return whether it succeeded."""
    try:
        os.link(mine, path)
        return True
    except FileExistsError:
        return False
    except OSError:  # no hard links here: the file appears before its content, but only one process creates it
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(mine.read_text(encoding="utf-8"))
            return True
        except FileExistsError:
            return False


def _is_stale(path: Path, holder: Holder | None, mine: Path) -> bool:
    if holder is not None and (ended := holder.has_ended) is not None:
        return ended
    with suppress(FileNotFoundError):
        os.utime(mine)
        return mine.stat().st_mtime - path.stat().st_mtime > STALE
    return False


def _becomes_stale(path: Path, holder: Holder | None, mine: Path) -> bool:
    """Watch the lock of a process that is not visible here: False once it is touched, True once stale or released."""
    if holder is not None and holder.has_ended is not None:
        return False
    logger.warning("%s is held by %s, which is not visible from here: waiting for a sign of life", path.name, holder)
    with suppress(FileNotFoundError):
        touched = path.stat().st_mtime
        while path.stat().st_mtime == touched:
            if _is_stale(path, holder, mine):
                return True
            time.sleep(POLL)
        return False
    return True


def _take_over(path: Path, stale: Holder | None, mine: Path) -> bool:
    """Replace a stale lock with a second lock file, which lets one process at a time try."""
    trying = path.with_name(f"{path.name}.takeover")
    if not _appear(mine, trying):
        if _is_stale(trying, _read(trying), mine):
            with suppress(FileNotFoundError):
                trying.unlink()
        time.sleep(0.01)
        return False
    with suppress(FileNotFoundError):
        if _read(path) == stale:
            os.replace(trying, path)
            return True
        trying.unlink()
    return False


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**read_json(path))
    except (DlcxError, ValueError, TypeError):
        return None


def _place() -> str:
    """Return the namespace of the process ids that this process sees."""
    return process_namespace()[0]


def _born(pid: int) -> int:
    """Return the start of a process in ticks since the system booted; 0 if unknown, -1 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return -1 if fields[0] in "ZX" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return 0
