"""Rows of the table, their measurement, and the table as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

#: A measurement of one round, followed by any additional values.
Measured = Sequence[float]


@dataclass(frozen=True)
class Row:
    """Medians of one quantity for dlcx, for DeepLabCut and for the limit of the machine; None if not measured.

    ``times_deeplabcut`` is the required ratio to DeepLabCut.  ``of_limit`` is the required ratio to the limit: the
    minimum if ``more_is_better``, otherwise the maximum.
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
    def ratio_to_deeplabcut(self) -> float | None:
        """Ratio to DeepLabCut; above 1, dlcx is better."""
        if self.deeplabcut is None:
            return None
        pair = (self.dlcx, self.deeplabcut) if self.more_is_better else (self.deeplabcut, self.dlcx)
        return _ratio(*pair)

    @property
    def ratio_to_limit(self) -> float | None:
        """Ratio to the limit."""
        return None if self.limit is None else _ratio(self.dlcx, self.limit)

    @property
    def holds(self) -> bool | None:
        """Whether all measured goals are reached; None without any measured goal."""
        checks = []
        if self.times_deeplabcut is not None and self.ratio_to_deeplabcut is not None:
            checks.append(self.ratio_to_deeplabcut >= self.times_deeplabcut)
        if self.of_limit is not None and self.ratio_to_limit is not None:
            checks.append(
                self.ratio_to_limit >= self.of_limit if self.more_is_better else self.ratio_to_limit <= self.of_limit
            )
        return all(checks) if checks else None

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the row as text."""
        sign = ">=" if self.more_is_better else "<="
        verdict = {True: "yes", False: "no", None: ""}[self.holds]
        return (
            f"{self.measure}, {self.unit}",
            _number(self.dlcx),
            _number(self.deeplabcut),
            _number(self.limit),
            _with_goal(self.ratio_to_deeplabcut, self.times_deeplabcut, ">="),
            _with_goal(self.ratio_to_limit, self.of_limit, sign),
            verdict,
            self.note,
        )


HEAD = ("measure", "dlcx", "DeepLabCut 3.0.2", "limit", "times better", "of limit", "goal reached", "")


def table(rows: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    return "\n".join([line(HEAD), line(["---"] * len(HEAD)), *(line(row.cells()) for row in rows)])


def line(cells: Sequence[str]) -> str:
    """Return one line of the table."""
    return f"| {' | '.join(cells)} |"


def interleaved(rounds: int, **measures: Callable[[], float]) -> dict[str, float]:
    """Return the median of every measurement.

    All measurements run once per round, so that disturbances of the machine affect all of them.
    """
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
