"""How long work says how far it is, without knowing who listens.

A workflow opens ``with progress.task("train", total=200, unit="epoch") as task`` and calls ``task.advance()``;
the command line passes a :class:`Progress` that draws, Python callers get :data:`SILENT`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Task:
    """One countable piece of work.  The base class says nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """``count`` more units are done; ``note`` (e.g. ``loss 0.012``) replaces the previous one."""

    def report(self, line: str, numbers: Mapping[str, float]) -> None:
        """Show an intermediate result, which stays on the screen; ``numbers`` are its values by name."""


class Progress:
    """A listener for progress.  The base class is the silent one."""

    #: The flags with which another process of the same call shows progress the same way.
    flags: tuple[str, ...] = ("--quiet",)

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        """Announce work of ``total`` units (None: unknown), ``done`` of which an earlier run has finished."""
        yield Task()


SILENT = Progress()


class Clock:
    """Where the time went: seconds spent by name."""

    def __init__(self, *names: str) -> None:
        self.spent = dict.fromkeys(names, 0.0)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the body's time."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.spent[name] += time.perf_counter() - begun

    def waiting(self, name: str, items: Iterator[Item]) -> Iterator[Item]:
        """The same items; the time until each is there counts."""
        while True:
            with self(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    def split(self, name: str, parts: dict[str, float]) -> None:
        """Count ``parts`` of what was counted as ``name`` under names of their own."""
        for part, seconds in parts.items():
            self.spent[part] = self.spent.get(part, 0.0) + seconds
            self.spent[name] -= seconds


class Meter:
    """What parts of a deeper layer have taken in this thread, for who calls it and splits its own time by them."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count the body's time, without what is counted within it."""
        inner, self._inner = self._inner, 0.0
        begun = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - begun
            self._spent[name] = self._spent.get(name, 0.0) + took - self._inner
            self._inner = inner + took

    def take(self) -> dict[str, float]:
        """Seconds by name since the last call."""
        taken = dict(self._spent)
        self._spent.clear()
        return taken

    @property
    def _spent(self) -> dict[str, float]:
        if not hasattr(self._local, "spent"):
            self._local.spent = {}
        return self._local.spent

    @property
    def _inner(self) -> float:
        return getattr(self._local, "inner", 0.0)

    @_inner.setter
    def _inner(self, seconds: float) -> None:
        self._local.inner = seconds


#: What the passes of nets and the making of their inputs take.
METER = Meter()
