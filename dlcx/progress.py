"""How long work says how far it is, without knowing who listens.

A workflow opens ``with progress.task("train", total=200, unit="epoch") as task`` and calls ``task.advance()``;
the command line passes a :class:`Progress` that draws, Python callers get :data:`SILENT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Task:
    """One countable piece of work.  The base class says nothing."""

    def advance(self, count: int = 1, note: str = "") -> None:
        """``count`` more units are done; ``note`` (e.g. ``loss 0.012``) replaces the previous one."""


class Progress:
    """A listener for progress.  The base class is the silent one."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        """Announce work of ``total`` units (None: unknown), ``done`` of which an earlier run has finished."""
        yield Task()


SILENT = Progress()
