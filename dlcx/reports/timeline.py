"""What the timeline of a video's page shows: poses of chosen frames, and pictures to scrub through.

The page holds one JSON object with base64 arrays, so that its size has a bound whatever the length of the video:

::

    frames, first      rows of the poses and the number of the first one
    step               1: every frame is there, else every step-th one and all near those to look at
    grid               {"low", "unit"}: a coordinate is low + unit * value
    samples.frame      (S,) uint32 frame numbers
    samples.x .y       (S, P) uint16, 65535: not found
    samples.score      (S, P) uint8, likelihood = value / 250, 255: none
    samples.least      (S, P) uint8, the least likelihood since the sample before; missing where step is 1
    samples.low        (S,) uint8, the likelihood that a tenth of the points found do not reach, the least since then
    samples.speed      (S, A) float32 px/s of each animal's center, the largest since the sample before
    pictures           [{"frame", "jpeg"}], in order
    marks              [{"frame", "kind", "text"}]: suspected swaps and frames to look at

P points: animals in turn, then unique bodyparts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlcx.project import Project
from dlcx.reports.frame_visits import FrameVisits, spread_frames
from dlcx.reports.video_statistics import VideoFacts

#: Most bytes of all arrays, and the fewest samples however many points there are.
SAMPLE_BYTES, FEWEST = 1_500_000, 1000
#: Bytes of all pictures, how many there are, how wide in pixels.
PICTURE_BYTES, PICTURES, WIDTH = 1_600_000, (24, 160), 480
#: What stands for a point that was not found, and for no likelihood; steps of a likelihood.
NOWHERE, NO_SCORE, SCORES = 65535, 255, 250
#: Pixels of a step of the coordinates, where the range allows it.
UNIT = 0.05


@dataclass(frozen=True)
class Mark:
    """A frame that the timeline points at; ``kind`` is ``swap`` or ``suspect``."""

    frame: int
    kind: str
    text: str


@dataclass
class Scrubbing:
    """Pictures (frame number to JPEG in base64) of about evenly spread frames and of ``others``."""

    facts: VideoFacts
    others: Sequence[int] = ()
    pictures: dict[int, str] = field(default_factory=dict)

    def join(self, visits: FrameVisits) -> None:
        """Ask for the frames; of large pictures for fewer."""
        tracks = self.facts.tracks
        first, stop = tracks.first, min(tracks.first + len(tracks), self.facts.video.frames)
        if stop <= first:
            return
        for number in {*spread_frames(self.facts.video, first, stop, PICTURES[1]), *self.others}:
            visits.add(number, self._keep)

    def _keep(self, number: int, image: np.ndarray) -> None:
        from dlcx.reports.page import jpeg_text

        self.pictures[number] = jpeg_text(image, WIDTH, quality=70)

    def chosen(self) -> dict[int, str]:
        """As many of the pictures as a page may hold, evenly thinned, ``others`` first."""
        size = sum(map(len, self.pictures.values())) / max(len(self.pictures), 1)
        most = int(np.clip(PICTURE_BYTES / max(size, 1), *PICTURES))
        kept = [number for number in sorted(self.pictures) if number in set(self.others)]
        rest = [number for number in sorted(self.pictures) if number not in set(self.others)]
        room = max(most - len(kept), PICTURES[0])
        if len(rest) > room:
            rest = [rest[at] for at in np.linspace(0, len(rest) - 1, room).round().astype(int)]
        return {number: self.pictures[number] for number in sorted([*kept, *rest])}


def timeline_data(
    facts: VideoFacts, project: Project, pictures: dict[int, str], marks: Sequence[Mark]
) -> dict[str, Any]:
    """The object that the module's docstring describes."""
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


def sampled_rows(facts: VideoFacts, near: Sequence[int], also: Sequence[int]) -> tuple[np.ndarray, int]:
    """Rows (S,) of the poses that the page holds and the step between them; all around the frames ``near``.

    ``also`` are frames of which a picture is shown, the first and last row are always there.
    """
    count, first = len(facts.tracks), facts.tracks.first
    points, animals = facts.known.shape[1], len(facts.tracks.layout.individuals)
    most = max(SAMPLE_BYTES // (6 * points + 4 * animals + 6), FEWEST)
    if count <= most:
        return np.arange(count), 1
    step = -(-3 * count // (2 * most))
    around = min(round(facts.video.fps), max(most // 3 // (2 * max(len(near), 1)), 1))
    rows = [np.arange(0, count, step), np.array([count - 1]), np.asarray(also, int) - first]
    rows += [np.arange(frame - first - around, frame - first + around + 1) for frame in near]
    every = np.unique(np.concatenate(rows))
    return every[(every >= 0) & (every < count)], step


def _samples(facts: VideoFacts, rows: np.ndarray, step: int) -> dict[str, Any]:
    """The arrays of the chosen rows, and the grid of the coordinates."""
    from dlcx.reports.page import array_text

    low, unit = _grid(facts)
    begins = np.concatenate([[0], rows[:-1] + 1])  # of the rows since the sample before
    score = _scores(facts.score)
    there = facts.known[rows][..., None]
    place = np.clip(np.round((np.where(there, facts.xy[rows], low) - low) / unit), 0, NOWHERE - 1)
    place = np.where(there, place, NOWHERE).astype(np.uint16)
    arrays = {
        "frame": (facts.tracks.first + rows).astype(np.uint32),
        "x": place[..., 0],
        "y": place[..., 1],
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


def _grid(facts: VideoFacts) -> tuple[float, float]:
    """The least coordinate and the step between two; points far outside the frame are drawn at its surroundings."""
    side = max(facts.video.width, facts.video.height)
    known = facts.xy[facts.known]
    low = max(float(known.min(initial=0.0)), -float(side))
    high = min(float(known.max(initial=0.0)), 2.0 * side)
    return low, max((high - low) / (NOWHERE - 1), UNIT)


def _scores(score: np.ndarray) -> np.ndarray:
    whole = np.round(SCORES * np.clip(np.nan_to_num(score, nan=0.0), 0, 1))
    return np.where(np.isfinite(score), whole, NO_SCORE).astype(np.uint8)
