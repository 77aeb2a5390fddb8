"""A pool of workers that run tasks in other processes.

A task calls ``work(item, report)``: ``work`` is a module-level function, ``item`` can be pickled. It calls
``report(n)`` when n units are done; ``report`` raises :class:`dlcx.errors.Stopped` when the result is no longer needed.
If a process dies, another one starts its task again, so ``work`` must continue from what it has stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

#: Maximum number of attempts per task.
TRIES = 4

Report = Callable[[int], None]
Work = Callable[[Any, Report], Any]
#: Called with the number of a task and its completed units.
ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class FailedTask:
    """A task that failed for good.

    Attributes
    ----------
    reason
        Why it failed.
    """

    reason: str


class WorkerPool(Protocol):
    """Accepts numbered tasks and yields their results as they become available."""

    @property
    def size(self) -> int:
        """Number of tasks that run at the same time, as far as the pool knows."""
        ...

    def submit(self, number: int, name: str, item: Any) -> None:
        """Submit a task, also while results are being read."""
        ...

    def results(self) -> Iterator[tuple[int, Any | FailedTask]]:
        """Yield the number and result of every task until none is left.

        Raises
        ------
        Stopped
            If a signal requested a stop; completed work is stored.
        """
        ...
