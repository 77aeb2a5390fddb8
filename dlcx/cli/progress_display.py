"""Progress on stderr: a bar on a terminal, plain lines in a log, JSON lines for other programs."""

from __future__ import annotations

import math
import sys
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from dlcx.cli.terminal_text import json_line, printable
from dlcx.progress import Progress, Task

#: Seconds between two lines of a log: short at first, to show that the work is running, then longer, to keep the log of
#: a long job short.
FIRST_LINES, LATER_LINES = 5.0, 60.0
#: Seconds between two JSON lines.
JSON_LINES = 1.0
#: Minimum width of a bar's title, and the width of bar, count, rate, and remaining time, in characters.
_TITLE, _BESIDE = 16, 56


class Style(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    BAR = "bar"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


def progress_display(style: Style) -> Progress:
    """Return a listener that shows progress in this style; ``auto`` is a bar on a terminal and lines otherwise."""
    if style is Style.AUTO:
        style = Style.BAR if sys.stderr.isatty() else Style.LINES
    return {Style.BAR: _Bars, Style.LINES: _Lines, Style.JSON: _JsonLines, Style.NONE: Progress}[style]()


def duration(seconds: float) -> str:
    """Format seconds as ``4 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    full = round(seconds)
    if full < 60:
        return f"{full} s"
    if full < 3600:
        return f"{full // 60} min {full % 60} s"
    return f"{full // 3600} h {full % 3600 // 60} min"


def shortened(text: str, max_length: int) -> str:
    """Shorten a long text in the middle, because the ends of names are the most informative."""
    if len(text) <= max_length:
        return text
    head = (max_length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (max_length - 1 - head) :]}"


class _Count(Task):
    """Counts completed units and measures their rate; ``show`` displays the state."""

    def __init__(self, title: str, total: int | None, unit: str, done: int) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done, self.earlier, self.note = done, done, ""
        self.started = self.shown = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        if self.total is not None:  # a file may have more frames than its header says
            self.total = max(self.total, self.done)
        self.note = note or self.note
        if time.monotonic() - self.shown >= self.pause:
            self.show()

    def report(self, line: str, numbers: Mapping[str, float]) -> None:
        print(printable(f"{self.title}: {line}"), file=sys.stderr, flush=True)  # rich moves it above a running bar

    def show(self) -> None:
        self.shown = time.monotonic()
        self.display()

    @property
    @abstractmethod
    def pause(self) -> float:
        """Seconds between two updates."""

    @abstractmethod
    def display(self) -> None:
        """Display the state."""

    @property
    def rate(self) -> float:
        """Units per second since this process started counting."""
        return (self.done - self.earlier) / max(time.monotonic() - self.started, 1e-9)

    @property
    def rate_text(self) -> str:
        """``12.5 frames/s`` or, for slow tasks, ``3.1 s/image``."""
        if self.rate <= 0:
            return ""
        return f"{self.rate:.1f} {self.unit}s/s" if self.rate >= 1 else f"{1 / self.rate:.1f} s/{self.unit}"

    @property
    def seconds_left(self) -> float | None:
        """Remaining seconds; None if the total or the rate is unknown."""
        return (self.total - self.done) / self.rate if self.total is not None and self.rate > 0 else None


class _LineCount(_Count):
    @property
    def pause(self) -> float:
        return min(max(FIRST_LINES, self.shown - self.started), LATER_LINES)

    def display(self) -> None:
        count = f"{self.done}/{self.total}" if self.total else f"{self.done}"
        left = f"{duration(self.seconds_left)} left" if self.seconds_left else ""
        parts = (f"{self.title}: {count} {self.unit}s", self.rate_text, left, self.note)
        print(printable(", ".join(part for part in parts if part)), file=sys.stderr, flush=True)


class _JsonCount(_Count):
    pause = JSON_LINES

    def display(self) -> None:
        state = {
            "task": self.title,
            "done": self.done,
            "total": self.total,
            "unit": self.unit,
            "per_second": round(self.rate, 3),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
            "note": self.note,
        }
        print(json_line({"progress": state}), file=sys.stderr, flush=True)

    def report(self, line: str, numbers: Mapping[str, float]) -> None:
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        state = {"task": self.title, "text": line, "numbers": known}
        print(json_line({"report": state}), file=sys.stderr, flush=True)


class _Lines(Progress):
    """Plain lines, for logs and schedulers."""

    flags = ("--progress", "lines")
    count: type[_Count] = _LineCount

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        task = self.count(title, total, unit, done)
        yield task
        task.show()


class _JsonLines(_Lines):
    """One JSON object per line; the first is printed at once, the last when the work is complete."""

    flags = ("--progress", "json")
    count = _JsonCount

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        with super().task(title, total, unit, done=done) as task:
            task.show()  # type: ignore[attr-defined]
            yield task


class _Bars(Progress):
    """A bar with rate and time left (rich)."""

    flags = ("--progress", "bar")

    @contextmanager
    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with RichProgress(*columns, console=(console := Console(stderr=True))) as bars:
            title = shortened(printable(title), max(_TITLE, console.width - _BESIDE))
            bar = bars.add_task(title, total=total, completed=done, rate="", note="")

            class BarCount(_Count):
                pause = 0.0

                def display(self) -> None:
                    bars.update(
                        bar, completed=self.done, total=self.total, rate=self.rate_text, note=printable(self.note)
                    )

            yield BarCount(title, total, unit, done)
