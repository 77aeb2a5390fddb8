"""Trajectories of bodyparts: paths in the image, coordinates and likelihoods over time, and step lengths."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from dlcx.data.video import open_video, read_frame
from dlcx.errors import DlcxError
from dlcx.outputs import atomic_file
from dlcx.poses import Tracks
from dlcx.untrusted_files import MAX_IMAGE_BYTES, file_size
from dlcx.visuals.plot_text import legend_of, literal

#: Maximum number of names in a column of the legend.
_COLUMN = 24
#: Maximum number of columns of the likelihood picture, and bins of the histogram.
_COLUMNS, _BINS = 1200, 60
#: Number of frames per bin below which a scale of powers of ten needs more labels.
_FEW = 20
_GRID, _SHADES = "0.92", "viridis"
#: Maximum number of distinguishable paths in one panel.
_TOGETHER = 8
#: Panels per row, and the color of labels and axes, readable on white and on black.
_PANELS, _GRAY = 4, "#80868d"


@dataclass(frozen=True)
class Paths:
    """The trajectories of P bodyparts of one animal.

    Attributes
    ----------
    names
        Names of the bodyparts.
    xy
        (T, P, 2) in pixels of the frame.
    score
        Likelihoods (T, P).
    colors
        (P, 3), uint8 RGB.
    pcutoff
        Minimum likelihood of a plotted point.
    first
        Frame number of the first row.
    ground
        Background image (H, W, 3), uint8 RGB.
    linewidth, opacity
        Width in points, and opacity of the lines.
    """

    names: tuple[str, ...]
    xy: np.ndarray
    score: np.ndarray
    colors: np.ndarray
    pcutoff: float
    first: int = 0
    ground: np.ndarray | None = None
    linewidth: float = 1.0
    opacity: float = 1.0

    @property
    def confident(self) -> np.ndarray:
        """xy (T, P, 2), nan where the likelihood is below the p-cutoff."""
        return np.where((self.score >= self.pcutoff)[..., None], self.xy, np.nan)

    @property
    def frames(self) -> np.ndarray:
        """Frame numbers (T,)."""
        return self.first + np.arange(len(self.xy))


def middle_frame(video: Path, tracks: Tracks) -> np.ndarray | None:
    """Read the middle frame of the analyzed range of a video, the background of its trajectories.

    Returns
    -------
    numpy.ndarray or None
        Image (H, W, 3), uint8 RGB; None if the video or the frame cannot be decoded.
    """
    try:
        return read_frame(open_video(video), tracks.first + len(tracks) // 2)
    except DlcxError:
        return None


def plot_paths(
    kind: str, paths: Paths, picture: Path, *, title: str, source: str, dpi: int = 100, settings: str = ""
) -> None:
    """Plot one of :data:`PICTURES`.

    Parameters
    ----------
    kind
        Key of :data:`PICTURES`.
    paths
        The trajectories.
    picture
        File to write.
    title
        Title of the figure.
    source, settings
        Texts ``Source`` and ``Settings`` to store in a png file.
    dpi
        Pixels per inch.

    Raises
    ------
    DlcxError
        If the picture cannot be written.
    """
    with atomic_file(picture) as beside:
        _plot(kind, paths, title, dpi).savefig(
            beside, metadata={"Source": source, "Settings": settings} if picture.suffix == ".png" else None
        )


def trajectory_png(paths: Paths) -> bytes:
    """Plot the paths over the image for HTML pages, transparent for light and dark mode.

    Up to eight bodyparts share one panel; more get a panel each.

    Returns
    -------
    bytes
        Content of a png file.
    """
    from matplotlib import rc_context

    height, width = (3.0, 4.0) if paths.ground is None else paths.ground.shape[:2]
    content = io.BytesIO()
    colored: tuple[Any, ...] = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    look: dict[Any, Any] = {"font.size": 11, "axes.facecolor": "none", **dict.fromkeys(colored, _GRAY)}
    with rc_context(look):
        together = len(paths.names) <= _TOGETHER
        tall = 6.4 * height / width
        if not together:
            tall = -(-len(paths.names) // _PANELS) * (tall / _PANELS + 0.25)
        figure = Figure(figsize=(6.4, min(max(tall, 2.0), 40.0)), dpi=110, layout="constrained", facecolor="none")
        FigureCanvasAgg(figure)
        (_trajectory if together else _panels)(figure, paths)
        figure.savefig(content, format="png")
    return content.getvalue()


def _plot(kind: str, paths: Paths, title: str, dpi: int) -> Figure:
    """Plot one kind of picture with its title and legend."""
    columns = -(-len(paths.names) // _COLUMN)
    figure = Figure(figsize=(8.0 + 1.3 * columns, 5.0), dpi=dpi, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    PICTURES[kind](figure, paths)
    if title:
        figure.suptitle(literal(title), x=0.01, ha="left", fontsize=9)
    handles = (
        []
        if kind in _NAMED_ROWS
        else [figure.axes[0].plot([], [], color=color / 255, linewidth=3)[0] for color in paths.colors]
    )
    if handles:
        look = {"ncols": columns, "frameon": False, "fontsize": 8, "handlelength": 1.2}
        legend_of(figure, handles, paths.names, loc="outside right upper", **look)
    return figure


def picture_source(picture: Path, text: str = "Source") -> str:
    """Read the text ``Source`` (or another one) of a png file; empty if it has none."""
    from PIL import Image

    try:
        file_size(picture, MAX_IMAGE_BYTES)
        with Image.open(picture) as image:
            return str(image.info.get(text, ""))
    except Exception:  # a corrupt header can raise anything
        return ""


def _trajectory(figure: Figure, paths: Paths) -> None:
    axes = figure.subplots()
    _in_image(axes, paths)
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)")


def _panels(figure: Figure, paths: Paths) -> None:
    """One panel per bodypart; all show the same region of the frame."""
    rows = -(-len(paths.names) // _PANELS)
    grid = figure.subplots(rows, _PANELS, squeeze=False, sharex=True, sharey=True).ravel()
    for number, (name, axes) in enumerate(zip(paths.names, grid, strict=False)):
        one = slice(number, number + 1)
        path = replace(paths, names=(name,), xy=paths.xy[:, one], score=paths.score[:, one], colors=paths.colors[one])
        _in_image(axes, path)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(literal(name), fontsize=9, pad=2)
    for axes in grid[len(paths.names) :]:
        axes.set_visible(False)


def _in_image(axes: Axes, paths: Paths) -> None:
    """Plot the paths over a frame of the video, in pixels."""
    _paths(axes, paths)
    axes.set_aspect("equal")
    if paths.ground is not None:
        height, width = paths.ground.shape[:2]
        gray = paths.ground.mean(-1)
        axes.imshow(gray, cmap="gray", alpha=0.45, vmin=0, vmax=255, zorder=0)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    elif not axes.yaxis_inverted():
        axes.invert_yaxis()


def _paths(axes: Axes, paths: Paths) -> None:
    for xy, color in zip(np.moveaxis(paths.confident, 1, 0), paths.colors / 255, strict=True):
        axes.plot(xy[:, 0], xy[:, 1], color=color, linewidth=paths.linewidth, alpha=paths.opacity)
        isolated = _isolated(xy[:, 0])
        axes.plot(
            xy[isolated, 0], xy[isolated, 1], ".", color=color, markersize=2 * paths.linewidth, alpha=paths.opacity
        )


def _coordinates(figure: Figure, paths: Paths) -> None:
    axes = figure.subplots(2, 1, sharex=True)
    for number, (name, panel) in enumerate(zip("xy", axes, strict=True)):
        _over_time(panel, paths, paths.confident[..., number])
        panel.set_ylabel(f"{name} (pixels)")
    axes[1].set_xlabel("frame")


def _likelihood(figure: Figure, paths: Paths) -> None:
    """One row per bodypart, colored by likelihood; a column that covers several frames shows the minimum."""
    axes = figure.subplots()
    frames = len(paths.score)
    edges = np.linspace(0, frames, min(frames, _COLUMNS) + 1).astype(int)[:-1]
    known = np.where(np.isfinite(paths.score), paths.score, np.inf)
    lowest = np.minimum.reduceat(known, edges, axis=0) if frames else known
    extent = (paths.first - 0.5, paths.first + frames - 0.5, len(paths.names) - 0.5, -0.5)
    rows = np.ma.masked_invalid(lowest.T)
    image = axes.imshow(rows, aspect="auto", extent=extent, cmap=_SHADES, vmin=0, vmax=1, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, label="likelihood", pad=0.01, fraction=0.05)
    bar.ax.axhline(paths.pcutoff, color="white", linewidth=1.5)
    axes.set_xlabel("frame (white: no detection)")
    _name_rows(axes, paths)


def _over_time(axes: Axes, paths: Paths, values: np.ndarray) -> None:
    """Plot values (T, P) over the frames as lines; isolated frames as dots."""
    frames = paths.frames
    for line, color in zip(values.T, paths.colors / 255, strict=True):
        axes.plot(frames, line, color=color, linewidth=paths.linewidth, alpha=paths.opacity)
        isolated = _isolated(line)
        axes.plot(
            frames[isolated], line[isolated], ".", color=color, markersize=2 * paths.linewidth, alpha=paths.opacity
        )
    axes.set_xlim(paths.first, paths.first + max(len(values) - 1, 1))
    _open(axes)


def _histogram(figure: Figure, paths: Paths) -> None:
    """One row per bodypart: number of steps by length, with logarithmic colors."""
    axes = figure.subplots()
    steps = np.linalg.norm(np.diff(paths.confident, axis=0), axis=-1)
    known = steps[np.isfinite(steps)]
    top = max(float(np.percentile(known, 99.5)), 1e-3) if known.size else 1.0
    edges = np.linspace(0, top, _BINS + 1)
    counts = np.stack([np.histogram(np.minimum(step[np.isfinite(step)], top), edges)[0] for step in steps.T])
    extent = (0, top, len(paths.names) - 0.5, -0.5)
    rows = np.ma.masked_equal(counts, 0)
    norm = LogNorm(1, max(int(counts.max()), 2))
    image = axes.imshow(rows, aspect="auto", extent=extent, cmap=_SHADES, norm=norm, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, label="frames", pad=0.01, fraction=0.05)
    bar.ax.yaxis.set_major_formatter(_whole)
    bar.ax.yaxis.set_minor_formatter(_whole if counts.max() < _FEW else NullFormatter())
    middles = [float(np.median(step[np.isfinite(step)])) if np.isfinite(step).any() else np.nan for step in steps.T]
    axes.plot(middles, range(len(middles)), "|", color="black", markersize=10, markeredgewidth=2)
    axes.set_xlabel("step between frames (pixels; | = median; last column: all longer steps)")
    _name_rows(axes, paths)


def _whole(count: float, _: float) -> str:
    """Format a number of frames; empty for fractions."""
    return f"{count:,.0f}" if count >= 1 and np.isclose(count, round(count)) else ""


def _name_rows(axes: Axes, paths: Paths) -> None:
    axes.set_yticks(range(len(paths.names)), list(map(literal, paths.names)), fontsize=8)
    axes.tick_params(length=0, axis="y")
    axes.spines[["top", "right"]].set_visible(False)


def _isolated(values: np.ndarray) -> np.ndarray:
    """Where (T,) a value is finite and neither neighbor is."""
    known = np.pad(np.isfinite(values), 1)
    result: np.ndarray = known[1:-1] & ~known[:-2] & ~known[2:]
    return result


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


_NAMED_ROWS = ("plot-likelihood", "hist")
#: The function of each picture, by DeepLabCut's file name.
PICTURES: Mapping[str, Callable[[Figure, Paths], None]] = {
    "trajectory": _trajectory,
    "plot": _coordinates,
    "plot-likelihood": _likelihood,
    "hist": _histogram,
}
