"""Data of the timeline on a video's page: poses of selected frames, and pictures to scrub through.

The page contains one JSON object with base64 arrays, whose size is limited whatever the length of the video:

::

    frames, first      number of rows of the poses, and the frame number of the first step               1: all frames
    are included, otherwise every step-th one and all near the marks grid               {"low", "unit"}: a coordinate is
    low + unit * value samples.frame      (S,) uint32 frame numbers samples.x .y       (S, P) uint16, 65535: not
    detected samples.score      (S, P) uint8, likelihood = value / 250, 255: none samples.least      (S, P) uint8,
    minimum likelihood since the previous sample; missing if step is 1 samples.low        (S,) uint8, 10 % quantile of
    the likelihoods of detected points, minimum since the previous sample samples.speed      (S, A) float32, px/s of
    each animal's center, maximum since the previous sample pictures           [{"frame", "jpeg"}], in order marks
    [{"frame", "kind", "text"}]: possible swaps and suspicious frames

P points: the bodyparts of each animal in turn, then unique bodyparts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlcx.project import Project
from dlcx.reports.frame_reader import FrameReader, spread_frames
from dlcx.reports.video_statistics import VideoStatistics

#: Maximum bytes of all arrays, and minimum number of samples whatever the number of points.
SAMPLE_BYTES, MIN_SAMPLES = 1_500_000, 1000
#: Maximum bytes of all pictures, their minimum and maximum number, and their width in pixels.
PICTURE_BYTES, PICTURES, WIDTH = 1_600_000, (24, 160), 480
#: Codes of points that were not detected and of missing likelihoods; number of steps of a likelihood.
NOT_FOUND, NO_SCORE, SCORES = 65535, 255, 250
#: Minimum step of the coordinates in pixels.
UNIT = 0.05


@dataclass(frozen=True)
class Mark:
    """A frame marked on the timeline; ``kind`` is ``swap`` or ``suspect``."""

    frame: int
    kind: str
    text: str


@dataclass
class TimelinePictures:
    """Pictures (frame number to JPEG in base64) of about evenly spaced frames and of ``others``."""

    facts: VideoStatistics
    others: Sequence[int] = ()
    pictures: dict[int, str] = field(default_factory=dict)

    def join(self, reader: FrameReader) -> None:
        """Register the frames to read."""
        tracks = self.facts.tracks
        first, stop = tracks.first, min(tracks.first + len(tracks), self.facts.video.frames)
        if stop <= first:
            return
        for number in {*spread_frames(self.facts.video, first, stop, PICTURES[1]), *self.others}:
            reader.add(number, self._keep)

    def _keep(self, number: int, image: np.ndarray) -> None:
        from dlcx.reports.page import jpeg_text

        self.pictures[number] = jpeg_text(image, WIDTH, quality=70)

    def chosen(self) -> dict[int, str]:
        """Select as many pictures as a page may contain, evenly spaced; those of ``others`` are always included."""
        size = sum(map(len, self.pictures.values())) / max(len(self.pictures), 1)
        max_pictures = int(np.clip(PICTURE_BYTES / max(size, 1), *PICTURES))
        kept = [number for number in sorted(self.pictures) if number in set(self.others)]
        rest = [number for number in sorted(self.pictures) if number not in set(self.others)]
        room = max(max_pictures - len(kept), PICTURES[0])
        if len(rest) > room:
            rest = [rest[at] for at in np.linspace(0, len(rest) - 1, room).round().astype(int)]
        return {number: self.pictures[number] for number in sorted([*kept, *rest])}


def timeline_data(
    facts: VideoStatistics, project: Project, pictures: dict[int, str], marks: Sequence[Mark]
) -> dict[str, Any]:
    """Return the object described in the module's docstring."""
    from dlcx.visuals.colors import named_color, part_colors

    tracks, layout = facts.tracks, facts.tracks.layout
    rows, step = sampled_rows(facts, [mark.frame for mark in marks], list(pictures))
    shades = part_colors(len(layout.bodyparts) + len(layout.unique), project.colormap)
    number = {name: index for index, name in enumerate(layout.bodyparts)}
    return {
        "frames": len(tracks),
        "first": tracks.first,
        "step": step,
        "fps": float(facts.video.fps),
        "width": facts.video.width,
        "height": facts.video.height,
        "animals": list(layout.individuals) if layout.multi else [""],
        "bodyparts": list(layout.bodyparts),
        "unique": list(layout.unique),
        "colors": [_hex(shade) for shade in shades.tolist()],
        "skeleton_color": _hex(named_color(project.skeleton_color)),
        "skeleton": [[number[a], number[b]] for a, b in project.skeleton if a in number and b in number],
        "pcutoff": float(facts.pcutoff),
        **_samples(facts, rows, step),
        "pictures": [{"frame": frame, "jpeg": jpeg} for frame, jpeg in sorted(pictures.items())],
        "marks": [
            {"frame": mark.frame, "kind": mark.kind, "text": mark.text}
            for mark in sorted(marks, key=lambda mark: mark.frame)
        ],
    }


def _hex(color: Sequence[int]) -> str:
    return "#" + "".join(f"{value:02x}" for value in color)


def sampled_rows(facts: VideoStatistics, near: Sequence[int], also: Sequence[int]) -> tuple[np.ndarray, int]:
    """Select the rows of the poses that the page contains.

    Parameters
    ----------
    facts
        Statistics of the video.
    near
        Frames around which every row is included.
    also
        Frames of pictures, which are included too.

    Returns
    -------
    rows : numpy.ndarray
        (S,), the first and last row among them.
    step : int
        Distance between regular samples.
    """
    count, first = len(facts.tracks), facts.tracks.first
    points, animals = facts.known.shape[1], len(facts.tracks.layout.individuals)
    max_samples = max(SAMPLE_BYTES // (6 * points + 4 * animals + 6), MIN_SAMPLES)
    if count <= max_samples:
        return np.arange(count), 1
    step = -(-3 * count // (2 * max_samples))
    around = min(round(facts.video.fps), max(max_samples // 3 // (2 * max(len(near), 1)), 1))
    rows = [np.arange(0, count, step), np.array([count - 1]), np.asarray(also, int) - first]
    rows += [np.arange(frame - first - around, frame - first + around + 1) for frame in near]
    every = np.unique(np.concatenate(rows))
    return every[(every >= 0) & (every < count)], step


def _samples(facts: VideoStatistics, rows: np.ndarray, step: int) -> dict[str, Any]:
    """Arrays of the selected rows, and the grid of the coordinates."""
    from dlcx.reports.page import array_text

    low, unit = _grid(facts)
    begins = np.concatenate([[0], rows[:-1] + 1])  # first row after the previous sample
    score = _scores(facts.score)
    known = facts.known[rows][..., None]
    grid_xy = np.clip(np.round((np.where(known, facts.xy[rows], low) - low) / unit), 0, NOT_FOUND - 1)
    grid_xy = np.where(known, grid_xy, NOT_FOUND).astype(np.uint16)
    arrays = {
        "frame": (facts.tracks.first + rows).astype(np.uint32),
        "x": grid_xy[..., 0],
        "y": grid_xy[..., 1],
        "score": score[rows],
        "low": np.minimum.reduceat(_scores(facts.likelihood(0.1)), begins),
        "speed": np.fmax.reduceat(facts.speed, begins, axis=0).astype(np.float32),
    }
    if step > 1:
        arrays["least"] = np.minimum.reduceat(score, begins, axis=0)
    return {
        "grid": {"low": low, "unit": unit},
        "samples": {name: array_text(values) for name, values in arrays.items()},
    }


def _grid(facts: VideoStatistics) -> tuple[float, float]:
    """Minimum coordinate and step of the grid; points far outside the frame are clipped."""
    side = max(facts.video.width, facts.video.height)
    known = facts.xy[facts.known]
    low = max(float(known.min(initial=0.0)), -float(side))
    high = min(float(known.max(initial=0.0)), 2.0 * side)
    return low, max((high - low) / (NOT_FOUND - 1), UNIT)


def _scores(score: np.ndarray) -> np.ndarray:
    codes = np.round(SCORES * np.clip(np.nan_to_num(score, nan=0.0), 0, 1))
    return np.where(np.isfinite(score), codes, NO_SCORE).astype(np.uint8)
