"""Where bodyparts go: their path in the image, x and y over time, likelihood over time, steps between frames."""

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

#: Names in one column of a legend.
_COLUMN = 24
#: Columns of the picture of likelihoods, and of that of steps.
_COLUMNS, _BINS = 1200, 60
#: Largest number of frames in a column below which a scale of tens has too few names.
_FEW = 20
_GRID, _SHADES = "0.92", "viridis"
#: More paths than this in one picture cannot be told apart: on a page each bodypart then has a panel of its own.
_TOGETHER = 8
#: Panels side by side, and their letters and frames, in a gray that is read on white and on black.
_PANELS, _GRAY = 4, "#80868d"


@dataclass(frozen=True)
class Paths:
    """The paths of some bodyparts of one animal: xy (T, P, 2) in pixels of the frame, score (T, P), colours (P, 3).

    ``first`` is the frame number of the first row; ``ground`` an image (H, W, 3) uint8 of the video; ``opacity`` is
    that of the lines.
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
    def sure(self) -> np.ndarray:
        """xy (T, P, 2) with nan where the score is below the cut-off."""
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


def draw_paths(
    kind: str, paths: Paths, picture: Path, *, title: str, source: str, dpi: int = 100, settings: str = ""
) -> None:
    """Draw one of :data:`PICTURES`; a png holds ``source`` and ``settings`` as the texts ``Source`` and ``Settings``.

    Raises
    ------
    DlcxError
        When the picture cannot be written.
    """
    with atomic_file(picture) as beside:
        _drawn(kind, paths, title, dpi).savefig(
            beside, metadata={"Source": source, "Settings": settings} if picture.suffix == ".png" else None
        )


def trajectory_png(paths: Paths) -> bytes:
    """The paths in the image as the content of a png for pages: transparent, so that it is light or dark as they are.

    Up to eight bodyparts share one panel; of more, each has its own, with its name.
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


def _drawn(kind: str, paths: Paths, title: str, dpi: int) -> Figure:
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


def drawn_from(picture: Path, text: str = "Source") -> str:
    """What a picture says it was drawn from, or with which ``Settings``; nothing where it does not."""
    from PIL import Image

    try:
        file_size(picture, MAX_IMAGE_BYTES)
        with Image.open(picture) as image:
            return str(image.info.get(text, ""))
    except Exception:  # readers of headers raise whatever they meet in a broken one
        return ""


def _trajectory(figure: Figure, paths: Paths) -> None:
    axes = figure.subplots()
    _in_image(axes, paths)
    axes.set(xlabel="x (pixels)", ylabel="y (pixels)")


def _panels(figure: Figure, paths: Paths) -> None:
    """A small image with one path for each bodypart; all show the same part of the frame."""
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
    """The paths over a frame of the video, in its coordinates."""
    _paths(axes, paths)
    axes.set_aspect("equal")
    if paths.ground is not None:
        height, width = paths.ground.shape[:2]
        grey = paths.ground.mean(-1)
        axes.imshow(grey, cmap="gray", alpha=0.45, vmin=0, vmax=255, zorder=0)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    elif not axes.yaxis_inverted():
        axes.invert_yaxis()


def _paths(axes: Axes, paths: Paths) -> None:
    for xy, color in zip(np.moveaxis(paths.sure, 1, 0), paths.colors / 255, strict=True):
        axes.plot(xy[:, 0], xy[:, 1], color=color, linewidth=paths.linewidth, alpha=paths.opacity)
        alone = _alone(xy[:, 0])
        axes.plot(xy[alone, 0], xy[alone, 1], ".", color=color, markersize=2 * paths.linewidth, alpha=paths.opacity)


def _coordinates(figure: Figure, paths: Paths) -> None:
    axes = figure.subplots(2, 1, sharex=True)
    for number, (name, panel) in enumerate(zip("xy", axes, strict=True)):
        _over_time(panel, paths, paths.sure[..., number])
        panel.set_ylabel(f"{name} (pixels)")
    axes[1].set_xlabel("frame")


def _likelihood(figure: Figure, paths: Paths) -> None:
    """A row of colour a bodypart; of frames that share a column the least likelihood shows."""
    axes = figure.subplots()
    frames = len(paths.score)
    edges = np.linspace(0, frames, min(frames, _COLUMNS) + 1).astype(int)[:-1]
    known = np.where(np.isfinite(paths.score), paths.score, np.inf)
    least = np.minimum.reduceat(known, edges, axis=0) if frames else known
    extent = (paths.first - 0.5, paths.first + frames - 0.5, len(paths.names) - 0.5, -0.5)
    rows = np.ma.masked_invalid(least.T)
    image = axes.imshow(rows, aspect="auto", extent=extent, cmap=_SHADES, vmin=0, vmax=1, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, label="likelihood", pad=0.01, fraction=0.05)
    bar.ax.axhline(paths.pcutoff, color="white", linewidth=1.5)
    axes.set_xlabel("frame (white: not found)")
    _name_rows(axes, paths)


def _over_time(axes: Axes, paths: Paths, values: np.ndarray) -> None:
    """Lines of values (T, P) over the frames; frames without neighbors as dots."""
    frames = paths.frames
    for line, color in zip(values.T, paths.colors / 255, strict=True):
        axes.plot(frames, line, color=color, linewidth=paths.linewidth, alpha=paths.opacity)
        alone = _alone(line)
        axes.plot(frames[alone], line[alone], ".", color=color, markersize=2 * paths.linewidth, alpha=paths.opacity)
    axes.set_xlim(paths.first, paths.first + max(len(values) - 1, 1))
    _open(axes)


def _histogram(figure: Figure, paths: Paths) -> None:
    """A row of colour a bodypart: how many steps are how long, on a logarithmic scale."""
    axes = figure.subplots()
    steps = np.linalg.norm(np.diff(paths.sure, axis=0), axis=-1)
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
    axes.set_xlabel("step from frame to frame (pixels; | median; the last column holds all longer ones)")
    _name_rows(axes, paths)


def _whole(count: float, _: float) -> str:
    """A number of frames as people write it."""
    return f"{count:,.0f}" if count >= 1 and np.isclose(count, round(count)) else ""


def _name_rows(axes: Axes, paths: Paths) -> None:
    axes.set_yticks(range(len(paths.names)), list(map(literal, paths.names)), fontsize=8)
    axes.tick_params(length=0, axis="y")
    axes.spines[["top", "right"]].set_visible(False)


def _alone(values: np.ndarray) -> np.ndarray:
    """Where (T,) a value is known and neither the one before nor the one after is."""
    known = np.pad(np.isfinite(values), 1)
    result: np.ndarray = known[1:-1] & ~known[:-2] & ~known[2:]
    return result


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


_NAMED_ROWS = ("plot-likelihood", "hist")
#: How each picture is drawn, by DeepLabCut's name of its file.
PICTURES: Mapping[str, Callable[[Figure, Paths], None]] = {
    "trajectory": _trajectory,
    "plot": _coordinates,
    "plot-likelihood": _likelihood,
    "hist": _histogram,
}
