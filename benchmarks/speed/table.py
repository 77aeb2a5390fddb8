"""A row of the table, what it is measured by, and the table as markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

#: A measurement of one round: its number, and whatever it is told beside.
Measured = Sequence[float]


@dataclass(frozen=True)
class Row:
    """One measure of dlcx, DeepLabCut and what bounds both, as medians of rounds; None where there is none.

    ``times_deeplabcut`` is the goal beside DeepLabCut.  Where more is better, ``of_limit`` is the least share of the
    limit that is to be reached; where less is better, the most that it may be exceeded by (1: not at all).
    """

    measure: str
    unit: str
    dlcx: float
    deeplabcut: float | None = None
    limit: float | None = None
    times_deeplabcut: float | None = None
    of_limit: float | None = None
    more_is_better: bool = True
    note: str = ""

    @property
    def faster(self) -> float | None:
        """How many times better than DeepLabCut."""
        if self.deeplabcut is None:
            return None
        pair = (self.dlcx, self.deeplabcut) if self.more_is_better else (self.deeplabcut, self.dlcx)
        return _ratio(*pair)

    @property
    def share(self) -> float | None:
        """What it is of the limit."""
        return None if self.limit is None else _ratio(self.dlcx, self.limit)

    @property
    def holds(self) -> bool | None:
        """Whether all goals that can be judged are reached; None when none can."""
        checks = []
        if self.times_deeplabcut is not None and self.faster is not None:
            checks.append(self.faster >= self.times_deeplabcut)
        if self.of_limit is not None and self.share is not None:
            checks.append(self.share >= self.of_limit if self.more_is_better else self.share <= self.of_limit)
        return all(checks) if checks else None

    def cells(self) -> tuple[str, ...]:
        """The row's texts."""
        sign = ">=" if self.more_is_better else "<="
        verdict = {True: "yes", False: "no", None: ""}[self.holds]
        return (
            f"{self.measure}, {self.unit}",
            _number(self.dlcx),
            _number(self.deeplabcut),
            _number(self.limit),
            _with_goal(self.faster, self.times_deeplabcut, ">="),
            _with_goal(self.share, self.of_limit, sign),
            verdict,
            self.note,
        )


HEAD = ("measure", "dlcx", "DeepLabCut 3.0.2", "limit", "times better", "of limit", "goal reached", "")


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    return "\n".join([line(HEAD), line(["---"] * len(HEAD)), *(line(row.cells()) for row in rows)])


def line(cells: Sequence[str]) -> str:
    """One line of it."""
    return f"| {' | '.join(cells)} |"


def interleaved(rounds: int, **measures: Callable[[], float]) -> dict[str, float]:
    """The median of every measure, each taken once a round, so that what disturbs the machine disturbs all."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for number in range(rounds):
        names = list(measures)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(measures[name]())
    return {name: median(values) for name, values in found.items()}


def _ratio(one: float, other: float) -> float:
    return one / other if other else math.inf


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _with_goal(value: float | None, goal: float | None, sign: str) -> str:
    if value is None:
        return "-" if goal is None else f"- ({sign} {goal:g})"
    return f"{value:.2f}" + (f" ({sign} {goal:g})" if goal is not None else "")
