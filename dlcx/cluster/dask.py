"""A crew of Dask workers: those of a scheduler somewhere, or some started here.

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

#: Seconds in which a scheduler has to answer, and in which stopped workers save what they did.
TIMEOUT, PATIENCE = 15.0, 20.0
#: Seconds between looks at what is ready.
POLL = 0.1

#: Torch's threads and the device's memory are the process's, so that it does one piece of work at a time.
_one_at_a_time = threading.Lock()


class DaskPool:
    """See :class:`dlcx.cluster.worker_pool.WorkerPool`; a context manager.

    ``address`` is a scheduler's; without one, a process is started for every environment.
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
        self._speaking = threading.Lock()
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
                f"--cluster {flag}: no scheduler of Dask answers there ({str(error) or type(error).__name__})",
                hint="'dask scheduler' starts one and says its address, 'dask worker ADDRESS --nthreads 1' joins it.",
            ) from None
        self.client.subscribe_topic(self._topic, self._listen)
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            logger.warning("--cluster %s: no worker is there yet: 'dask worker %s --nthreads 1'", flag, where)
        if any(worker["nthreads"] > 1 for worker in workers):
            logger.warning("--cluster %s: workers do one share at a time; start them with --nthreads 1", flag)
        if self.client.dashboard_link and "bokeh" in _installed():
            logger.info("dashboard: %s", self.client.dashboard_link)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # whatever state the scheduler is in, the workers' stores are whole
            self._take_back()
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
        self.new.append(self.client.submit(_piece, *arguments, key=key, retries=TRIES - 1, pure=False))

    def results(self) -> Iterator[tuple[int, Any | FailedTask]]:
        """See :class:`dlcx.cluster.worker_pool.WorkerPool`."""
        from distributed import as_completed

        running = as_completed(loop=self.client.loop)
        while self.new or running.count():
            if self.stop:
                raise Stopped(f"stopped by {self.stop.signal}", hint="Run the same command again to resume.")
            if self.client.status not in ("running", "connecting"):
                raise DlcxError("the scheduler of Dask is gone", hint="Run the same command again to resume.")
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
        with self._speaking:
            self.on_progress(*event[1])

    def _take_back(self) -> None:
        """Cancel what is not done, and give workers the time to save."""
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
            hint="pip install 'dlcx[cluster]'; --devices N needs nothing more.",
        ) from None
    return distributed


def _installed() -> set[str]:
    from importlib.util import find_spec

    return {name for name in ("bokeh",) if find_spec(name)}


def _local(environments: Sequence[Mapping[str, str]]) -> Any:
    """A scheduler here, and a worker process for every environment, which is started again when it dies."""
    from distributed import Nanny, Scheduler, SpecCluster

    options = {"nthreads": 1, "memory_limit": 0, "host": "127.0.0.1", "dashboard": False, "silence_logs": logging.ERROR}
    workers = {
        number: {"cls": Nanny, "options": {**options, "env": dict(environment)}}
        for number, environment in enumerate(environments)
    }
    board = {"dashboard": True, "dashboard_address": "127.0.0.1:0"} if "bokeh" in _installed() else {"dashboard": False}
    scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, **board}}
    return SpecCluster(workers=workers, scheduler=scheduler, silence_logs=logging.ERROR)


def _piece(work: Work, number: int, item: Any, topic: str) -> Any:
    """A piece of work on a worker."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def report(count: int) -> None:
        task = worker.state.tasks.get(key)
        if task is None or task.state in ("cancelled", "released", "forgotten"):
            raise Stopped("its result is no longer wanted")
        worker.log_event(topic, (number, count))

    with _one_at_a_time:
        report(0)  # it may have been cancelled meanwhile
        return work(item, report)


def _is_busy() -> bool:
    return _one_at_a_time.locked()


def _reason(future: Future[Any]) -> str:
    """Why a piece of work failed for good, in a line."""
    if future.status == "cancelled":
        return "Dask cancelled it"
    error = future.exception()
    if type(error).__name__ == "KilledWorker":
        return f"given up after several tries: its workers died, the last at {error.last_worker.address}"
    return f"given up after {TRIES} tries: {type(error).__name__}: {error}"
