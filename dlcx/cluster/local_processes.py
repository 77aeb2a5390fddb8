"""A crew of processes on this machine, each with a device or a few cores of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from dlcx.cluster.worker_pool import TRIES, FailedTask, ProgressCallback, Work
from dlcx.errors import Stopped
from dlcx.stopping import StopRequest

logger = logging.getLogger(__name__)

#: Seconds that processes get to save what they did.
PATIENCE = 60.0


class LocalPool:
    """One process an ``environment``, whose variables are set before anything heavy is loaded; a context manager.

    See :class:`dlcx.cluster.worker_pool.WorkerPool`.
    """

    def __init__(
        self,
        work: Work,
        *,
        environments: Sequence[Mapping[str, str]],
        on_progress: ProgressCallback,
        stop: StopRequest | None = None,
    ) -> None:
        self.work = work
        self.environments = environments
        self.on_progress = on_progress
        self.stop = StopRequest() if stop is None else stop
        self.waiting: deque[tuple[int, Any]] = deque()
        self.tries: dict[int, int] = {}
        self.members: list[_Member | None] = [None] * len(environments)

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        members = [member for member in self.members if member]
        for member in members:
            member.dismiss()
        until = time.monotonic() + PATIENCE
        for member in members:
            member.process.join(max(0.0, until - time.monotonic()))
            if member.process.is_alive():
                member.process.kill()
                member.process.join()

    @property
    def size(self) -> int:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        return len(self.environments)

    def submit(self, number: int, name: str, item: Any) -> None:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        self.waiting.append((number, item))

    def results(self) -> Iterator[tuple[int, Any | FailedTask]]:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        while True:
            if self.stop:
                raise Stopped(f"stopped by {self.stop.signal}", hint="Run the same command again to resume.")
            self._hand_out()
            busy = [(place, member) for place, member in enumerate(self.members) if member and member.item]
            if not busy:
                return
            ready = wait([thing for _, member in busy for thing in (member.line, member.process.sentinel)], timeout=0.5)
            for place, member in busy:
                if member.line in ready or member.process.sentinel in ready:
                    yield from self._hear(place, member)

    def _hand_out(self) -> None:
        for place, environment in enumerate(self.environments):
            member = self.members[place]
            if not self.waiting or (member and member.item):
                continue
            if member is None:
                member = self.members[place] = _Member(environment, self.work)
            number, item = self.waiting.popleft()
            self.tries[number] = self.tries.get(number, 0) + 1
            member.give(number, item)

    def _hear(self, place: int, member: _Member) -> Iterator[tuple[int, Any | FailedTask]]:
        """All that a process has said, and whether it died."""
        assert member.item is not None
        number, item = member.item
        try:
            while member.line.poll():
                kind, what = member.line.recv()
                if kind == "at":
                    self.on_progress(number, what)
                elif kind == "log":
                    logging.getLogger(what[0]).log(what[1], "%s", what[2])
                else:
                    member.item = None
                    yield from [(number, what)] if kind == "done" else self._again(number, item, what)
                    return
        except (EOFError, OSError):
            pass
        else:
            if member.process.is_alive():
                return
        member.process.join()
        member.line.close()
        self.members[place] = None
        code = member.process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        logger.warning("process %s ended with %s; another goes on with its work", member.process.pid, how)
        yield from self._again(number, item, f"its processes ended, the last with {how}")

    def _again(self, number: int, item: Any, why: str) -> Iterator[tuple[int, FailedTask]]:
        if self.tries[number] < TRIES:
            self.waiting.appendleft((number, item))
        else:
            yield number, FailedTask(f"given up after {TRIES} tries: {why}")


class _Member:
    """One process; ``item`` is what it works on."""

    def __init__(self, environment: Mapping[str, str], work: Work) -> None:
        # spawn: nothing of this process's threads and devices is inherited
        context = multiprocessing.get_context("spawn")
        self.line, other = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(other, dict(environment)), name="dlcx worker", daemon=False
        )
        self.item: tuple[int, Any] | None = None
        self.process.start()
        other.close()
        self.line.send(work)

    def give(self, number: int, item: Any) -> None:
        """Begin a piece of work; one that cannot hear any more is noticed later."""
        self.item = (number, item)
        with suppress(OSError):
            self.line.send(item)

    def dismiss(self) -> None:
        """Let it end: at once when idle, else as soon as it has saved what it did."""
        if self.item and self.process.is_alive():
            self.process.terminate()
        with suppress(OSError):
            self.line.send(None)
        self.line.close()


def _serve(line: Connection, environment: Mapping[str, str]) -> None:
    """A process's life: pieces of work come in, results go out, until None comes or nobody is there any more."""
    os.environ.update(environment)
    handler = _Sender(line)
    own = logging.getLogger("dlcx")
    own.handlers, own.propagate = [handler], False
    with suppress(EOFError, OSError, KeyboardInterrupt):
        work = line.recv()
        while (item := line.recv()) is not None:
            try:
                said = ("done", work(item, lambda count: line.send(("at", count))))
            except (OSError, EOFError) as error:
                if isinstance(error, BrokenPipeError | EOFError):  # nobody listens: the work itself has been saved
                    return
                said = ("failed", f"{type(error).__name__}: {error}")
            except Exception as error:
                said = ("failed", f"{type(error).__name__}: {error}")
            line.send(said)


class _Sender(logging.Handler):
    """Log lines go to who started the process."""

    def __init__(self, line: Connection) -> None:
        super().__init__(logging.WARNING)
        self.line = line

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self.line.send(("log", (record.name, record.levelno, record.getMessage())))
