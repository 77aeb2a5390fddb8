"""A pool of Dask workers: those of an existing scheduler, or local ones.

https://distributed.dask.org; dask-jobqueue starts workers on PBS, SGE, LSF and others.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from dlcx.cluster.worker_pool import TRIES, FailedTask, ProgressCallback, Work
from dlcx.errors import DlcxError, Stopped
from dlcx.stopping import StopRequest

if TYPE_CHECKING:
    from distributed import Client, Future

logger = logging.getLogger(__name__)

#: Seconds to wait for a scheduler, and for stopped workers to save.
TIMEOUT, PATIENCE = 15.0, 20.0
#: Seconds between checks for results.
POLL = 0.1

#: A process runs one task at a time, because tasks share torch's threads and the memory of the device.
_one_at_a_time = threading.Lock()


class DaskPool:
    """See :class:`dlcx.cluster.worker_pool.WorkerPool`; a context manager.

    Parameters
    ----------
    work
        The function that runs a task.
    address
        Address of a scheduler; without one, a process starts for each environment.
    environments
        Environment variables of each local process.
    on_progress
        Called with the number of a task and its completed units.
    stop
        Signals that request a stop.
    """

    def __init__(
        self,
        work: Work,
        *,
        address: str | None = None,
        environments: Sequence[Mapping[str, str]] = (),
        on_progress: ProgressCallback,
        stop: StopRequest | None = None,
    ) -> None:
        self.work = work
        self.address = address
        self.environments = environments
        self.on_progress = on_progress
        self.stop = StopRequest() if stop is None else stop
        self.numbers: dict[str, int] = {}
        self.new: list[Future[Any]] = []
        self.token = uuid.uuid4().hex[:8]
        self._stack = ExitStack()
        self._progress_lock = threading.Lock()
        self.client: Client

    def __enter__(self) -> DaskPool:
        distributed = _distributed()
        flag = f"dask={self.address}" if self.address else "local"
        try:
            with self._stack:
                where = self.address or self._stack.enter_context(_local(self.environments))
                self.client = self._stack.enter_context(
                    distributed.Client(where, timeout=TIMEOUT, set_as_default=False)
                )
                self._stack = self._stack.pop_all()
        except (OSError, TimeoutError, ValueError, ImportError) as error:
            raise DlcxError(
                f"--cluster {flag}: no Dask scheduler answers ({str(error) or type(error).__name__})",
                hint="Run `dask scheduler` to start one, and `dask worker ADDRESS --nthreads 1` to add workers.",
            ) from None
        self.client.subscribe_topic(self._topic, self._listen)
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            logger.warning("--cluster %s: no workers yet; start one with `dask worker %s --nthreads 1`", flag, where)
        if any(worker["nthreads"] > 1 for worker in workers):
            logger.warning("--cluster %s: each worker runs one task at a time; start workers with --nthreads 1", flag)
        if self.client.dashboard_link and "bokeh" in _installed():
            logger.info("dashboard: %s", self.client.dashboard_link)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # scheduler errors do not affect what the workers have stored
            self._cancel_pending()
        self._stack.close()

    @property
    def size(self) -> int:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def submit(self, number: int, name: str, item: Any) -> None:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`; Dask's dashboard shows the name."""
        key = f"{name}-{self.token}-{number}"
        self.numbers[key] = number
        arguments = (self.work, number, item, self._topic)
        self.new.append(self.client.submit(_run_task, *arguments, key=key, retries=TRIES - 1, pure=False))

    def results(self) -> Iterator[tuple[int, Any | FailedTask]]:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        from distributed import as_completed

        running = as_completed(loop=self.client.loop)
        while self.new or running.count():
            if self.stop:
                raise Stopped(f"stopped by {self.stop.signal}", hint="Run the same command again to resume.")
            if self.client.status not in ("running", "connecting"):
                raise DlcxError("the Dask scheduler is gone", hint="Run the same command again to resume.")
            running.update(self.new)
            self.new = []
            ready = running.next_batch(block=False)
            for future in ready:
                number = self.numbers.pop(future.key)
                if future.status == "finished":
                    yield number, future.result()
                else:
                    yield number, FailedTask(_reason(future))
            if not ready:
                time.sleep(POLL)

    @property
    def _topic(self) -> str:
        return f"dlcx-{self.token}"

    def _listen(self, event: tuple[float, Any]) -> None:
        with self._progress_lock:
            self.on_progress(*event[1])

    def _cancel_pending(self) -> None:
        """Cancel unfinished tasks and give workers time to save."""
        if not self.numbers or self.client.status != "running":
            return
        from distributed import Future

        self.client.cancel([Future(key, self.client) for key in self.numbers], force=True)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and any(self.client.run(_is_busy, on_error="ignore").values()):
            time.sleep(POLL)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise DlcxError(
            "--cluster dask and --cluster local need dask.distributed, which is not installed",
            hint="pip install 'dlcx[cluster]'; --devices N needs no extra package.",
        ) from None
    return distributed


def _installed() -> set[str]:
    from importlib.util import find_spec

    return {name for name in ("bokeh",) if find_spec(name)}


def _local(environments: Sequence[Mapping[str, str]]) -> Any:
    """A local scheduler with one worker process per environment; processes that die are restarted."""
    from distributed import Nanny, Scheduler, SpecCluster

    options = {"nthreads": 1, "memory_limit": 0, "host": "127.0.0.1", "dashboard": False, "silence_logs": logging.ERROR}
    workers = {
        number: {"cls": Nanny, "options": {**options, "env": dict(environment)}}
        for number, environment in enumerate(environments)
    }
    board = {"dashboard": True, "dashboard_address": "127.0.0.1:0"} if "bokeh" in _installed() else {"dashboard": False}
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, **board}}
    return SpecCluster(workers=workers, scheduler=scheduler, silence_logs=logging.ERROR)


def _run_task(work: Work, number: int, item: Any, topic: str) -> Any:
    """Run a task on a worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def report(count: int) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state in ("cancelled", "released", "forgotten"):
            raise Stopped("the result is no longer needed")
        worker.log_event(topic, (number, count))

    with _one_at_a_time:
        report(0)  # raises if the task was canceled meanwhile
        return work(item, report)


def _is_busy() -> bool:
    return _one_at_a_time.locked()


def _reason(future: Future[Any]) -> str:
    """Describe in one line why a task failed for good."""
    if future.status == "cancelled":
        return "Dask canceled it"
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return f"given up after several tries: its workers died, the last at {error.last_worker.address}"
    return f"given up after {TRIES} tries: {type(error).__name__}: {error}"
