"""What does pieces of work elsewhere, whoever runs it: a crew.

``work(item, report)`` is one piece: a function of some module, with an item that can be pickled.  Now and then
it calls ``report(n)``, n units are done, which raises :class:`dlcx.errors.Stopped` when the result is no longer wanted.
A piece whose process dies is begun again by another, so ``work`` must go on from what it has stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

#: How often a piece of work is tried before it counts as lost.
TRIES = 4

Report = Callable[[int], None]
Work = Callable[[Any, Report], Any]
#: Called with the number of a piece and how many of its units are done.
ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True)
class FailedTask:
    """A piece of work that could not be done, and why."""

    reason: str


class WorkerPool(Protocol):
    """Takes pieces of work by number and gives their results back in whatever order they are ready."""

    @property
    def size(self) -> int:
        """How many pieces are done at the same time, as far as is known."""
        ...

    def submit(self, number: int, name: str, item: Any) -> None:
        """Have a piece done; possible while results come."""
        ...

    def results(self) -> Iterator[tuple[int, Any | FailedTask]]:
        """Every result once, until nothing is left to do.

        Raises
        ------
        Stopped
            When a signal asked for an end; what was done is safe.
        """
        ...
