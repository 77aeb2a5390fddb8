"""One process on one output: a lock file that says who holds it, and that outlives nobody for long.

The file holds host, pid and since when, and is touched every few seconds.  It is stale when its process is gone (on
this host), or when nobody has touched it for :data:`STALE` seconds (another host, or another container, whose
processes cannot be seen).  Times are those of the file system's clock, which all hosts share.
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

#: Seconds between touches, and after which an untouched lock of another host is stale.  Network file systems may show
#: a touch a minute late.
HEARTBEAT, STALE = 10.0, 180.0
#: Seconds between looks at a lock that is watched.
POLL = 1.0
#: Seconds between tries to get a lock that is held for moments, and for how many of them: a file is read, changed and
#: written under it.
RETRY, MOMENTS = 0.02, 30.0
#: Seconds of waiting after which a message names the holder.
SILENCE = 2.0
#: The longest ending of a file beside a lock: a token.
_ENDING = "." + 32 * "0"


@dataclass(frozen=True)
class Holder:
    """A process: ``place`` is the host and what else tells whose pids can be seen, ``born`` when it began (0: unknown).

    ``token`` is of this one lock.
    """

    host: str
    place: str
    pid: int
    born: int
    since: str
    token: str

    @classmethod
    def me(cls) -> Holder:
        """This process, from now on."""
        pid = os.getpid()
        return cls(
            socket.gethostname(), _place(), pid, _born(pid), time.strftime("%Y-%m-%d %H:%M:%S"), uuid.uuid4().hex
        )

    @property
    def gone(self) -> bool | None:
        """Whether the process has ended; None where that cannot be seen from here."""
        if self.place != _place() or os.name != "posix":
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return self.born != _born(self.pid)  # a pid may be given to another process

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Lock:
    """A lock file that is held; made by :func:`locked`."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder

    @property
    def held(self) -> bool:
        """Whether the file is still this process's."""
        found = _read(self.path)
        return found is not None and found.token == self.holder.token

    def check(self) -> None:
        """Make sure that it is still held.

        Raises
        ------
        DlcxError
            When another process took it over, because this one was asleep for long.
        """
        if not self.held:
            raise DlcxError(
                f"{self.path.parent} was taken over by {_read(self.path) or 'an unknown process'}: "
                "this one seemed dead",
                hint="Nothing was changed since; let the other one finish.",
            )


@contextmanager
def exclusive_edit(path: Path, *others: Path) -> Iterator[None]:
    """Let no other process of dlcx change the file ``path`` while the body reads and writes it; waits for its turn.

    ``others`` are files that are written with it.  Programs without this lock may still write them: then the body's
    own attempt is refused, so it must write with :func:`dlcx.outputs.atomic_file`.  Whoever holds several of these
    takes them in the order of their paths (:func:`exclusive_edits`).

    Raises
    ------
    DlcxError
        When another process has held it for :data:`MOMENTS` seconds, the lock file beside it cannot be written, or
        another program has changed a file meanwhile.
    """
    path = Path(path)
    name = fit_file_name(f".{path.name}", f".lock{_ENDING}").removesuffix(_ENDING)
    with locked(path.with_name(name), str(path), wait=MOMENTS), require_unchanged(path, *others):
        yield


@contextmanager
def exclusive_edits(pairs: Iterable[tuple[Path, ...]]) -> Iterator[None]:
    """:func:`changing` for several files, each with those written with it; in one order, so that nobody waits in vain.

    Raises
    ------
    DlcxError
        As :func:`changing` does.
    """
    with ExitStack() as stack:
        for files in sorted(set(pairs)):
            stack.enter_context(exclusive_edit(*files))
        yield


@contextmanager
def locked(path: Path, what: str, *, patient: bool = False, wait: float = 0.0) -> Iterator[Lock]:
    """Hold the lock file ``path`` while the body runs; ``what`` names what it guards.

    Who holds it may let it go within ``wait`` seconds.

    A ``patient`` process watches a lock whose holder cannot be seen from here until it is touched, or is stale: work
    that a cluster begins again on another host finds the lock of the process that was killed a moment ago.

    Raises
    ------
    DlcxError
        When another process holds it, or the file cannot be written.
    """
    holder = Holder.me()
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        _acquire_in_folder(path, holder, what, patient=patient, until=time.monotonic() + wait)
    except OSError as error:
        _remove_empty(made)
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

    beating = threading.Thread(target=touch, name="lock", daemon=True)
    beating.start()
    try:
        yield lock
    finally:
        done.set()
        beating.join()
        with suppress(OSError, DlcxError):
            lock.check()
            path.unlink()
        _remove_empty(made)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, the innermost first, that were made for a lock and in which nothing was written."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _acquire_in_folder(path: Path, holder: Holder, what: str, *, patient: bool, until: float) -> None:
    """:func:`_acquire` in a folder that is made when it is missing."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _acquire(path, holder, what, patient=patient, until=until)
        except FileNotFoundError:  # who let the lock go has just removed the folder that it had made
            if path.parent.exists():
                raise


def _acquire(path: Path, holder: Holder, what: str, *, patient: bool, until: float) -> None:
    """Make the lock file, whole at once; a stale one is moved out of the way, another one waited for ``until`` then."""
    mine = path.with_name(f"{path.name}.{holder.token}")
    remind = time.monotonic() + SILENCE
    try:
        with open(mine, "x", encoding="utf-8") as file:
            json.dump(asdict(holder), file)
        while not _appear(mine, path):
            other = _read(path)
            if other is None and not path.exists():
                continue  # it was let go just now
            if other == holder:
                break
            if not _is_stale(path, other, mine) and not (patient and _is_left_alone(path, other, mine)):
                if time.monotonic() < until:
                    if time.monotonic() > remind:
                        logger.warning("waiting for %s, which is held by %s", what, other or "another process")
                        remind = until
                    time.sleep(RETRY)
                    continue
                raise DlcxError(
                    f"{what} is held by {other or 'another process'}",
                    hint=f"Wait for it; if that process is gone, delete {path}.",
                )
            if _take_over(path, other, mine):
                logger.warning("%s was held by %s, which is gone: taken over", what, other or "an unknown process")
        for left in path.parent.glob(f"{path.name}.*"):  # by processes that were killed while they asked
            with suppress(FileNotFoundError):
                if mine.stat().st_mtime - left.stat().st_mtime > STALE:
                    left.unlink()
    finally:
        with suppress(OSError):
            mine.unlink()


def _appear(mine: Path, path: Path) -> bool:
    """Give the finished file its name, unless another one has it."""
    try:
        os.link(mine, path)
        return True
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: not whole at once, but one process alone makes it
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(mine.read_text(encoding="utf-8"))
            return True
        except FileExistsError:
            return False


def _is_stale(path: Path, holder: Holder | None, mine: Path) -> bool:
    if holder is not None and (gone := holder.gone) is not None:
        return gone
    with suppress(FileNotFoundError):
        os.utime(mine)
        return mine.stat().st_mtime - path.stat().st_mtime > STALE
    return False


def _is_left_alone(path: Path, holder: Holder | None, mine: Path) -> bool:
    """Watch the lock of a process that cannot be seen: False once it is touched, True once it is stale or let go."""
    if holder is not None and holder.gone is not None:
        return False
    logger.warning("%s is held by %s, which cannot be seen from here: waiting for a sign of it", path.name, holder)
    with suppress(FileNotFoundError):
        touched = path.stat().st_mtime
        while path.stat().st_mtime == touched:
            if _is_stale(path, holder, mine):
                return True
            time.sleep(POLL)
        return False
    return True


def _take_over(path: Path, stale: Holder | None, mine: Path) -> bool:
    """Replace the stale lock; a second file lets one process at a time try, and becomes the lock."""
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
    """Whose processes can be seen from here."""
    return process_namespace()[0]


def _born(pid: int) -> int:
    """When a process began, in ticks since the system did; 0 where that is not known, -1 when it has ended."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return -1 if facts[0] in "ZX" else int(facts[19])
    except (OSError, ValueError, IndexError):
        return 0
