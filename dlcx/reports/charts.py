"""SVG charts for pages: lines, dots and bars, colored by the page's style sheet (classes ``c0`` to ``c3``).

Each chart is rendered in two widths, because letters would become too small if a wide chart shrank on a phone; the page
shows the one that fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np

#: Widths in pixels by CSS class.
_WIDTHS = {"broad": 720, "narrow": 340}
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 14, 26, 44
#: Approximate width of a letter in pixels.
_LETTER = 7.2
#: Maximum number of points of a line per pixel of width.
_POINTS = 5 / 3


#: Color indices of training and test images, the same as in learning_curve.png.
TRAINING, TEST = 0, 1


@dataclass(frozen=True)
class Series:
    """One line, or dots; nan leaves a gap. ``color`` is the index of the color; default: the position in the chart."""

    name: str
    x: np.ndarray
    y: np.ndarray
    dots: bool = False
    color: int | None = None


@dataclass(frozen=True)
class Bar:
    """A value with optional bounds (nan: unknown); ``series`` is the index of the color."""

    value: float
    low: float = math.nan
    high: float = math.nan
    series: int = 0


def line_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    log: bool = False,
    height: int = 260,
    marks: Sequence[tuple[float, str]] = (),
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    whole: bool = False,
) -> str:
    """Render lines or dots over a common x axis.

    Parameters
    ----------
    series
        Lines and dots.
    x_label, y_label
        Labels of the axes.
    log
        Whether the y axis is logarithmic.
    height
        Height in pixels.
    marks
        Dashed vertical lines: x and label.
    x_range, y_range
        Ranges of the axes; default: the range of the data.
    whole
        Whether x values are integers, such as epochs.

    Returns
    -------
    str
        HTML; empty if no value is finite.
    """
    known = [
        replace(one, color=position if one.color is None else one.color)
        for position, one in enumerate(series)
        if np.isfinite(one.y).any()
    ]
    if not known:
        return ""
    shown = np.concatenate([one.y[np.isfinite(one.y)] for one in known])
    if log:
        shown = shown[shown > 0]
        if not len(shown):
            return ""
    ends = [float(end) for one in known for end in (one.x.min(), one.x.max())] + [at for at, _ in marks]
    across = x_range or (min(ends), max(ends))
    low, high = y_range or (float(shown.min()), float(shown.max()))
    y_axis = _Axis.of(low if log or y_range else min(low, 0.0), high, height - _BOTTOM, _TOP, log=log, room=22)

    def render(width: int) -> tuple[float, list[str]]:
        x_axis = _Axis.of(*across, _LEFT, width - _RIGHT, room=70, whole=whole)
        parts = [_frame(x_axis, y_axis, width, height, x_label, y_label)]
        for at, word in marks:
            x = x_axis(at)
            parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{height - _BOTTOM}"/>')
            anchor = "end" if x + _LETTER * len(word) > width else "start"
            beside = x - 4 if anchor == "end" else x + 4
            parts.append(f'<text x="{beside:.1f}" y="{_TOP + 10}" text-anchor="{anchor}">{escape(word)}</text>')
        for one in known:
            paint = _dots if one.dots else _line
            parts.append(paint(one, x_axis, y_axis, one.color or 0, max_points=int(_POINTS * width)))
        return height, parts

    return _both(render, [(one.name, one.color or 0) for one in known])


def bar_chart(
    names: Sequence[str], bars: Sequence[Sequence[Bar]], *, x_label: str, series: Sequence[tuple[str, int]] = ()
) -> str:
    """Render a group of horizontal bars for each name, with whiskers where bounds are known.

    Parameters
    ----------
    names
        Names of the groups.
    bars
        Bars of each group.
    x_label
        Label of the axis.
    series
        Legend: names and color indices.
    """
    wide = 12 + _LETTER * max(map(len, names))
    ends = [end for row in bars for bar in row for end in (bar.value, bar.high) if math.isfinite(end)]
    thick = 13
    row_height = [len(row) * thick + 8 for row in bars]
    height = _TOP + sum(row_height) + _BOTTOM

    def render(width: int) -> tuple[float, list[str]]:
        left = min(wide, width / 2)
        axis = _Axis.of(0, max(ends, default=1.0) or 1.0, left, width - _RIGHT - 40, room=50)
        parts = []
        for tick in axis.ticks():
            x, foot = axis(tick), height - _BOTTOM
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{foot}"/>')
            parts.append(f'<text x="{x:.1f}" y="{foot + 15}" text-anchor="middle">{tick:g}</text>')
        y = float(_TOP)
        for name, row, tall in zip(names, bars, row_height, strict=True):
            parts.append(f'<text x="{left - 8:.1f}" y="{y + tall / 2:.1f}" text-anchor="end">{escape(name)}</text>')
            for number, bar in enumerate(row):
                if math.isfinite(bar.value):
                    parts += _bar(axis, bar, y + number * thick, thick)
            y += tall
        middle = (axis.start + axis.stop) / 2
        parts.append(f'<text x="{middle:.0f}" y="{height - 8}" text-anchor="middle">{escape(x_label)}</text>')
        return height, parts

    return _both(render, series)


def _bar(axis: _Axis, bar: Bar, y: float, thick: int) -> list[str]:
    x, end, middle = axis(0), axis(bar.value), y + thick / 2 - 1
    parts = [
        f'<rect class="f{bar.series}" x="{x:.1f}" y="{y:.1f}" width="{max(end - x, 1):.1f}" height="{thick - 3}"/>'
    ]
    right = end
    if math.isfinite(bar.low) and math.isfinite(bar.high):
        low, right = axis(max(bar.low, 0)), axis(bar.high)
        ends = f"M{low:.1f} {middle - 3:.1f}v6M{right:.1f} {middle - 3:.1f}v6"
        parts.append(f'<path class="whisker" d="M{low:.1f} {middle:.1f}H{right:.1f}{ends}"/>')
    parts.append(f'<text x="{right + 5:.1f}" y="{middle + 4:.1f}">{_rounded(bar.value)}</text>')
    return parts


@dataclass(frozen=True)
class _Axis:
    """Maps numbers to pixels; each tick needs ``room`` pixels."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False
    room: float = 30
    whole: bool = False

    @classmethod
    def of(
        cls,
        low: float,
        high: float,
        start: float,
        stop: float,
        *,
        log: bool = False,
        room: float = 30,
        whole: bool = False,
    ) -> _Axis:
        low, high = float(low), float(high)
        if high <= low:
            low, high = (low / 2, low * 2) if log else (low - 0.5, low + 0.5)
        return cls(low, high, start, stop, log, room, whole)

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        place = math.log(value) if self.log else value
        return self.start + (place - low) / (high - low) * (self.stop - self.start)

    def ticks(self) -> list[float]:
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1,), (1, 3), (1, 2, 5)):
                round_numbers = [step * 10.0**power for power in powers for step in steps]
                inside = [tick for tick in round_numbers if self.low <= tick <= self.high]
                if len(inside) >= 3:
                    return inside
        max_ticks = min(6.0, max(2.0, abs(self.stop - self.start) / self.room))
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 4))
        extent = self.high - self.low
        step *= next(factor for factor in (1, 2, 5, 10, 20, 50) if extent / (step * factor) <= max_ticks)
        step = max(step, 1.0) if self.whole else step
        first = math.ceil(self.low / step - 1e-9)
        return [round(number * step, 12) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _frame(x_axis: _Axis, y_axis: _Axis, width: int, height: int, x_label: str, y_label: str) -> str:
    parts = []
    for tick in y_axis.ticks():
        y = y_axis(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts += [
        f'<text x="{x_axis(tick):.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in x_axis.ticks()
    ]
    parts.append(f'<text x="{(_LEFT + width) / 2:.0f}" y="{height - 8}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(f'<text x="0" y="14">{escape(y_label)}</text>')
    return "".join(parts)


def _line(one: Series, x_axis: _Axis, y_axis: _Axis, number: int, *, max_points: int) -> str:
    x, y = _thinned(np.asarray(one.x, float), np.asarray(one.y, float), max_points)
    good = np.isfinite(y) & (y > 0 if y_axis.log else True)
    runs = np.split(np.arange(len(y)), np.flatnonzero(np.diff(good.astype(int))) + 1)
    path, isolated = [], []
    for run in runs:
        if len(run) and good[run[0]]:
            points = [f"{x_axis(x[i]):.1f} {y_axis(y[i]):.1f}" for i in run]
            path.append(f"M{points[0]}" + ("".join(f"L{point}" for point in points[1:]) or "h0.5"))
            isolated += [_dot(x_axis(x[i]), y_axis(y[i]), number) for i in run if len(run) == 1]
    return f'<path class="c{number}" d="{"".join(path)}"/>' + "".join(isolated)


def _dot(x: float, y: float, number: int) -> str:
    return f'<circle class="f{number}" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>'


def _dots(one: Series, x_axis: _Axis, y_axis: _Axis, number: int, *, max_points: int) -> str:
    good = np.isfinite(one.y) & np.isfinite(one.x) & (one.y > 0 if y_axis.log else True)
    chosen = np.flatnonzero(good)
    if len(chosen) > 2 * max_points:
        chosen = chosen[np.linspace(0, len(chosen) - 1, 2 * max_points).astype(int)]
    return "".join(_dot(x_axis(one.x[i]), y_axis(one.y[i]), number) for i in chosen)


def _thinned(x: np.ndarray, y: np.ndarray, max_points: int) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a long line to the minimum and maximum of each interval, so that spikes remain."""
    if len(y) <= max_points:
        return x, y
    kept = []
    for interval in np.array_split(np.arange(len(y)), max_points // 2):
        known = interval[np.isfinite(y[interval])]
        kept += sorted({known[y[known].argmin()], known[y[known].argmax()]}) if len(known) else [interval[0]]
    return x[kept], y[kept]


def _legend(series: Sequence[tuple[str, int]]) -> str:
    """Names beside their colors; nothing where none has a name."""
    words = [f"<span><i class=b{color}></i>{escape(name)}</span>" for name, color in series if name]
    return f"<div class=legend>{''.join(words)}</div>" if words else ""


def _rounded(value: float) -> str:
    """Three digits, zeros at the end included, so that numbers below each other have as many."""
    return f"{value:.{2 if abs(value) < 10 else 1 if abs(value) < 100 else 0}f}"


def _both(draw: Callable[[int], tuple[float, list[str]]], series: Sequence[tuple[str, int]]) -> str:
    """The drawings of all widths (``draw`` tells height and parts) below the names of the series."""
    drawings = []
    for kind, width in _WIDTHS.items():
        height, parts = draw(width)
        drawings.append(f'<svg class="{kind}" viewBox="0 0 {width} {height:.0f}" role="img">{"".join(parts)}</svg>')
    return f"{_legend(series)}<div class=chart>{''.join(drawings)}</div>"
