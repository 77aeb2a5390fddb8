"""``learning_curve.png``: losses and test error over the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from dlcx.outputs import atomic_file
from dlcx.visuals.plot_text import literal

TRAIN, TEST, CONFIDENT = "#3b6fb6", "#d1622b", "#8a8a8a"
#: Maximum number of points that get markers.
MAX_MARKERS = 60

Rows = Sequence[Mapping[str, float]]


def plot_learning_curve(rows: Rows, path: Path, *, title: str = "", best: int | None = None) -> None:
    """Plot the rows of learning_stats.csv: total losses above, test error in pixels or a detector's mAP below.

    Parameters
    ----------
    rows
        One mapping per epoch, with ``step`` and the numbers of the epoch.
    path
        The picture.
    title
        Name of the network.
    best
        Epoch of the best snapshot, which is marked.

    Raises
    ------
    DlcxError
        If the picture cannot be written.
    """
    figure = Figure(figsize=(7.2, 6.0), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    losses, errors = figure.subplots(2, 1, sharex=True)
    _line(losses, rows, "losses/train.total_loss", "training images", TRAIN)
    _line(losses, rows, "losses/eval.total_loss", "test images", TEST)
    _finish(losses, "total loss", best, note="")
    if any("metrics/test.mAP@50:95" in row for row in rows):
        _line(errors, rows, "metrics/test.mAP@50", "IoU at least 0.5", CONFIDENT)
        _line(errors, rows, "metrics/test.mAP@50:95", "IoU from 0.5 to 0.95", TEST)
        _finish(errors, "mAP of boxes on test images", best, note=_value(rows, best, "metrics/test.mAP@50:95", ""))
        errors.set(yscale="linear", ylim=(0, 100))
    else:
        _line(errors, rows, "metrics/test.rmse_pcutoff", "likelihood at least 0.6", CONFIDENT)
        _line(errors, rows, "metrics/test.rmse", "all keypoints", TEST)
        _finish(errors, "mean test error (pixels)", best, note=_value(rows, best, "metrics/test.rmse", " px"))
    errors.set_xlabel("epoch")
    errors.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    losses.set_title(literal(title), loc="left", fontsize=10)
    with atomic_file(path) as beside:
        figure.savefig(beside)


def _line(axes: Axes, rows: Rows, name: str, label: str, color: str) -> None:
    """Plot a number over the epochs that have it; a logarithmic axis needs positive values."""
    points = [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan)) and row[name] > 0]
    if points:
        epochs, values = zip(*points, strict=True)
        marker = "o" if len(points) <= MAX_MARKERS else ""
        axes.plot(epochs, values, color=color, label=label, linewidth=1.6, marker=marker, markersize=3)


def _value(rows: Rows, epoch: int | None, name: str, unit: str) -> str:
    """A number of an epoch for its mark; empty if the epoch lacks it."""
    found = [row[name] for row in rows if row["step"] == epoch and name in row]
    return f", {found[0]:.3g}{unit}" if found else ""


def _finish(axes: Axes, label: str, best: int | None, note: str) -> None:
    """Set scale, grid, legend and the mark of the best epoch."""
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    if not axes.lines:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no evaluation yet", color="0.5", ha="center", va="center", transform=axes.transAxes)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda _value, _: ""))
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    if best is not None:
        axes.axvline(best, color="0.35", linewidth=1.0, linestyle=":", label=f"best snapshot: epoch {best}{note}")
    axes.legend(frameon=False, fontsize=9)
