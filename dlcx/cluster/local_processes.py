"""A pool of processes on this machine, each with its own device or CPU cores."""

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

#: Seconds for processes to save before they are killed.
PATIENCE = 60.0


class LocalPool:
    """One process per environment, whose variables are set before heavy imports; a context manager.

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
        self.workers: list[_PoolProcess | None] = [None] * len(environments)

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [worker for worker in self.workers if worker]
        for worker in workers:
            worker.stop()
        until = time.monotonic() + PATIENCE
        for worker in workers:
            worker.process.join(max(0.0, until - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

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
            self._assign_tasks()
            busy = [(slot, worker) for slot, worker in enumerate(self.workers) if worker and worker.item]
            if not busy:
                return
            ready = wait(
                [handle for _, worker in busy for handle in (worker.line, worker.process.sentinel)], timeout=0.5
            )
            for slot, worker in busy:
                if worker.line in ready or worker.process.sentinel in ready:
                    yield from self._receive(slot, worker)

    def _assign_tasks(self) -> None:
        for slot, environment in enumerate(self.environments):
            worker = self.workers[slot]
            if not self.waiting or (worker and worker.item):
                continue
            if worker is None:
                worker = self.workers[slot] = _PoolProcess(environment, self.work)
            number, item = self.waiting.popleft()
            self.tries[number] = self.tries.get(number, 0) + 1
            worker.run(number, item)

    def _receive(self, slot: int, worker: _PoolProcess) -> Iterator[tuple[int, Any | FailedTask]]:
        """Read all messages of a process and notice its death."""
        assert worker.item is not None
        number, item = worker.item
        try:
            while worker.line.poll():
                kind, content = worker.line.recv()
                if kind == "at":
                    self.on_progress(number, content)
                elif kind == "log":
                    logging.getLogger(content[0]).log(content[1], "%s", content[2])
                else:
                    worker.item = None
                    yield from [(number, content)] if kind == "done" else self._retry(number, item, content)
                    return
        except (EOFError, OSError):
            pass
        else:
            if worker.process.is_alive():
                return
        worker.process.join()
        worker.line.close()
        self.workers[slot] = None
        code = worker.process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        logger.warning("process %s ended with %s; another one continues its task", worker.process.pid, how)
        yield from self._retry(number, item, f"all attempts ended; the last one with {how}")

    def _retry(self, number: int, item: Any, why: str) -> Iterator[tuple[int, FailedTask]]:
        if self.tries[number] < TRIES:
            self.waiting.appendleft((number, item))
        else:
            yield number, FailedTask(f"given up after {TRIES} tries: {why}")


class _PoolProcess:
    """One process; ``item`` is its current task."""

    def __init__(self, environment: Mapping[str, str], work: Work) -> None:
        # spawn: threads and devices of this process must not be inherited
        context = multiprocessing.get_context("spawn")
        self.line, other = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(other, dict(environment)), name="dlcx worker", daemon=False
        )
        self.item: tuple[int, Any] | None = None
        self.process.start()
        other.close()
        self.line.send(work)

    def run(self, number: int, item: Any) -> None:
        """Send a task; if the process is dead, the pool notices later."""
        self.item = (number, item)
        with suppress(OSError):
            self.line.send(item)

    def stop(self) -> None:
        """Stop the process: at once if it is idle, otherwise as soon as it has saved."""
        if self.item and self.process.is_alive():
            self.process.terminate()
        with suppress(OSError):
            self.line.send(None)
        self.line.close()


def _serve(line: Connection, environment: Mapping[str, str]) -> None:
    """Main loop of a process: receive tasks and send results until None arrives or the pool is gone."""
    os.environ.update(environment)
    handler = _LogSender(line)
    package_logger = logging.getLogger("dlcx")
    package_logger.handlers, package_logger.propagate = [handler], False
    with suppress(EOFError, OSError, KeyboardInterrupt):
        work = line.recv()
        while (item := line.recv()) is not None:
            try:
                message = ("done", work(item, lambda count: line.send(("at", count))))
            except (OSError, EOFError) as error:
                if isinstance(error, BrokenPipeError | EOFError):  # the pool is gone; the work itself is stored
                    return
                message = ("failed", f"{type(error).__name__}: {error}")
            except Exception as error:
                message = ("failed", f"{type(error).__name__}: {error}")
            line.send(message)


class _LogSender(logging.Handler):
    """Sends log records to the pool."""

    def __init__(self, line: Connection) -> None:
        super().__init__(logging.WARNING)
        self.line = line

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            self.line.send(("log", (record.name, record.levelno, record.getMessage())))
