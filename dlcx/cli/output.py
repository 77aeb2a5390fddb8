"""Streams: results to stdout, everything else to stderr; no colour is needed to understand a line."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

from dlcx.progress import Progress, Task
from dlcx.siblings import is_attended

#: Seconds between two progress lines where stderr is no terminal.
LINE_EVERY = 5.0
#: Characters that the title of a bar has at least, and those that bar, count, rate and time left take beside it.
_TITLE, _BESIDE = 16, 56


def print_error(message: str, hint: str = "") -> None:
    """``error: ...`` and, on its own line, ``hint: ...``."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    print_hint(hint)


def print_hint(hint: str) -> None:
    """``hint: ...``, nothing for an empty one."""
    if hint.strip():
        print(f"hint: {' '.join(hint.split())}", file=sys.stderr)


def emit(result: Any, *, as_json: bool) -> None:
    """Print a workflow's result: its ``lines()``, or the whole dataclass as one JSON object; hints to stderr."""
    if result is None:
        return
    if as_json:
        print(json.dumps(plain(result), ensure_ascii=False))
    else:
        # in one go: a reader such as head may leave after the first line
        sys.stdout.write("".join(f"{line}\n" for line in result.lines()))
    for step in () if is_attended() else getattr(result, "next_steps", ()):
        print_hint(step)


def plain(value: Any) -> Any:
    """Plain JSON types of a result: paths as text, nan and infinity as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class _LineFormat(logging.Formatter):
    """``warning: text`` for warnings and worse, the bare text below."""

    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().split())
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


class _StderrHandler(logging.StreamHandler):
    """Writes to whatever ``sys.stderr`` is at the time, so that a running progress bar can lift the line above it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def start_logging(*, verbose: bool, debug: bool) -> None:
    """Send dlcx's log to stderr: warnings always, more with ``-v``; warnings of other libraries only with ``-v``."""
    import warnings

    logger = logging.getLogger("dlcx")
    logger.handlers = [handler := _StderrHandler()]
    handler.setFormatter(_LineFormat())
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING)
    if not (verbose or debug):
        warnings.simplefilter("ignore")


def terminal_progress() -> Progress:
    """A bar where stderr is a terminal, else a plain line every few seconds."""
    return _Bars() if sys.stderr.isatty() else _Lines()


def duration(seconds: float) -> str:
    """``4 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, with its middle left out where it is longer: ends of names tell most."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


class _LineTask(Task):
    def __init__(self, title: str, total: int | None, unit: str, done: int) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done, self.earlier, self.note = done, done, ""
        self.started = time.monotonic()
        self.spoke = self.started

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        self.note = note or self.note
        if time.monotonic() - self.spoke >= LINE_EVERY:
            self.say()

    def say(self) -> None:
        self.spoke = time.monotonic()
        elapsed = max(self.spoke - self.started, 1e-9)
        rate = (self.done - self.earlier) / elapsed
        parts = [f"{self.title}: {self.done}" + (f"/{self.total}" if self.total else "") + f" {self.unit}s"]
        if rate > 0:
            parts.append(f"{rate:.1f} {self.unit}s/s" if rate >= 1 else f"{1 / rate:.1f} s a {self.unit}")
            if self.total and self.total > self.done:
                parts.append(f"{duration((self.total - self.done) / rate)} left")
        parts.extend([self.note] if self.note else [])
        print(", ".join(parts), file=sys.stderr, flush=True)


class _Lines(Progress):
    """Plain lines, for logs and schedulers."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        task = _LineTask(title, total, unit, done)
        yield task
        task.say()


class _Bars(Progress):
    """A bar with rate and time left (rich)."""

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[note]}"),
        )
        with RichProgress(*columns, console=(console := Console(stderr=True))) as bars:
            title = shortened(title, max(_TITLE, console.width - _BESIDE))
            identity = bars.add_task(title, total=total, completed=done, rate="", note="")
            started = time.monotonic()

            class BarTask(Task):
                fresh, note = 0, ""

                def advance(self, count: int = 1, note: str = "") -> None:
                    self.fresh += count
                    rate = self.fresh / max(time.monotonic() - started, 1e-9)
                    text = f"{rate:.1f} {unit}s/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit}"
                    self.note = note or self.note
                    bars.update(identity, advance=count, rate=text, note=self.note)

            yield BarTask()
