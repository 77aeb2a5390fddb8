"""``learning_curve.png``: losses and test error over the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dlcx.outputs import whole_file

TRAIN, TEST, ACCURATE = "#3b6fb6", "#d1622b", "#8a8a8a"


def draw_learning_curve(
    rows: Sequence[Mapping[str, float]], path: Path, *, title: str = "", best: int | None = None
) -> None:
    """Draw the rows of learning_stats.csv: total losses on top, the test error in pixels below, ``best`` marked.

    Raises
    ------
    DlcxError
        When the picture cannot be written.
    """
    figure = Figure(figsize=(7.2, 6.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    losses, errors = figure.subplots(2, 1, sharex=True)
    _line(losses, rows, "losses/train.total_loss", "training images", TRAIN)
    _line(losses, rows, "losses/eval.total_loss", "test images", TEST)
    losses.set_yscale("log")
    losses.set_ylabel("total loss")
    _line(errors, rows, "metrics/test.rmse", "all keypoints", TEST)
    _line(errors, rows, "metrics/test.rmse_pcutoff", "confidence ≥ 0.6", ACCURATE)
    errors.set_ylabel("mean test error (pixels)")
    errors.set_ylim(bottom=0)
    errors.set_xlabel("epoch")
    errors.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (losses, errors):
        _finish(axes, best)
    if title:
        losses.set_title(title, loc="left", fontsize=10)
    with whole_file(path) as beside:
        figure.savefig(beside)


def _line(axes: Axes, rows: Sequence[Mapping[str, float]], name: str, label: str, colour: str) -> None:
    """One number over the epochs that have it."""
    points = [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan))]
    if points:
        epochs, values = zip(*points, strict=True)
        marker = "o" if len(points) <= 60 else ""
        axes.plot(epochs, values, color=colour, label=label, linewidth=1.6, marker=marker, markersize=3.5)


def _finish(axes: Axes, best: int | None) -> None:
    """Grid, legend, the line at the best epoch; a word where there is nothing to see yet."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    if not axes.lines:
        axes.text(0.5, 0.5, "no evaluation yet", color="0.5", ha="center", va="center", transform=axes.transAxes)
        return
    if best is not None:
        axes.axvline(best, color="0.35", linewidth=1.0, linestyle=":", label=f"best snapshot ({best})")
    axes.legend(frameon=False, fontsize=9)
