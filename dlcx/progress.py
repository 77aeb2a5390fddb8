"""Report progress and measure time without depending on who displays it.

A workflow opens ``with progress.task("train", total=200, unit="epoch") as task`` and calls ``task.advance()``.  The
command line passes a :class:`Progress` that displays a progress bar; from Python, the default is :data:`SILENT`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Task:
    """Work that is measured in units.  The base class displays nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """Report that ``count`` more units are done; ``note``, such as ``loss 0.012``, replaces the previous note."""

    def report(self, line: str, numbers: Mapping[str, float]) -> None:
        """Report an intermediate result as a line of text and as ``numbers`` by name."""


class Progress:
    """Receives progress.  The base class displays nothing."""

    #: Flags with which another process of the same call displays progress in the same way.
    flags: tuple[str, ...] = ("--quiet",)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        """Begin a task.

        Parameters
        ----------
        title
            What is done, such as ``"train"``.
        total
            Number of units; None if unknown.
        unit
            Name of a unit, singular.
        done
            Number of units that an earlier run has finished.

        Yields
        ------
        Task
            Reports the progress of the task.
        """
        yield Task()


#: Displays nothing.
SILENT = Progress()


class Clock:
    """Adds up the time spent on named steps.

    Parameters
    ----------
    names
        Names of the steps.

    Attributes
    ----------
    spent
        Seconds by name.
    """

    def __init__(self, *names: str) -> None:
        self.spent = dict.fromkeys(names, 0.0)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the time of the ``with`` block under ``name``."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] += time.perf_counter() - begun

    def waiting(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """Iterate over ``items`` and count the time until each of them is available under ``name``."""
        while True:
            with self(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def split(self, name: str, parts: dict[str, float]) -> None:
        """Move ``parts``, seconds by name, from the time counted under ``name`` to their own names."""
        for part, seconds in parts.items():
            self.spent[part] = self.spent.get(part, 0.0) + seconds
            self.spent[name] -= seconds


class NetworkTime(threading.local):
    """Seconds that a thread has spent on network inputs and on forward passes, for the analysis that runs there.

    Predictors and engines add to the attributes.  Each thread has its own.
    """

    preparing = 0.0
    net = 0.0

    def take(self) -> dict[str, float]:
        """Seconds by name since the last call."""
        taken = {"preparing": self.preparing, "net": self.net}
        self.preparing = self.net = 0.0
        return taken


NETWORK_TIME = NetworkTime()
