"""Suspicious frames of a video, worst first: animals are missing, or points are uncertain or jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.reports.video_statistics import JUMP_FACTOR, VideoStatistics

#: Maximum number of frames, and their minimum distance in frames and as a fraction of the video.
MAX_SUSPECTS, MIN_DISTANCE, MIN_DISTANCE_FRACTION = 12, 15, 1 / 100
#: The kinds of frame_faults, in the order of the columns of :func:`frame_faults`.
KINDS = ("missing", "uncertain", "jump")


@dataclass(frozen=True)
class Suspect:
    """A suspicious frame.

    Attributes
    ----------
    row
        Row of the poses.
    badness
        Sum of its faults, each from 0 to 1.
    reason
        Description of the faults.
    """

    row: int
    badness: float
    reason: str


def frame_faults(facts: VideoStatistics) -> np.ndarray:
    """Rate the faults of each frame: missing animals, uncertain points, and jumps.

    An animal missing for a moment was probably overlooked; one missing for long has probably left. Each missing animal
    counts 1 / (1 + seconds of its absence), divided by the number of animals. Points of missing animals do not count as
    uncertain. A jump counts 0 at the threshold and approaches 1 with its length. Unreadable frames have no faults.

    Returns
    -------
    numpy.ndarray
        (T, 3), from 0 to 1.
    """
    tracks = facts.tracks
    parts, unique = len(tracks.layout.bodyparts), len(tracks.layout.unique)
    absence = [_absence(there, facts.video.fps) for there in facts.present.T] if parts else []
    missing = np.mean(absence, axis=0) if absence else np.zeros(len(tracks))
    expected = np.concatenate([np.repeat(facts.present, parts, axis=1), np.ones((len(tracks), unique), bool)], 1)
    uncertain = (expected & ~facts.confident).sum(1) / np.maximum(expected.sum(1), 1)
    farthest = facts.relative_step.max(1, initial=0.0)
    jump = np.where(farthest > JUMP_FACTOR, 1 - JUMP_FACTOR / np.maximum(farthest, JUMP_FACTOR), 0.0)
    all_faults = np.stack([missing, uncertain, jump], 1)
    return np.where(facts.readable[:, None], all_faults, 0.0)


def _absence(present: np.ndarray, fps: float) -> np.ndarray:
    """1 / (1 + seconds of the absence) where an animal is not ``present`` (T,), otherwise 0."""
    run = np.cumsum(np.diff(present, prepend=present[:1]))
    seconds = np.bincount(run)[run] / fps
    return np.where(present, 0.0, 1 / (1 + seconds))


def find_suspects(facts: VideoStatistics, count: int = MAX_SUSPECTS) -> list[Suspect]:
    """Return the worst frames, worst first and apart from each other; each kind of fault gets its share of them."""
    by_kind = frame_faults(facts)
    badness = by_kind.sum(1)
    apart = max(MIN_DISTANCE, round(len(badness) * MIN_DISTANCE_FRACTION))
    chosen: list[int] = []
    for kind in range(len(KINDS)):
        own = np.where((by_kind.argmax(1) == kind) & (by_kind[:, kind] > 0), badness, 0.0)
        chosen += _worst(own, count // len(KINDS), apart, chosen)
    chosen += _worst(badness, count - len(chosen), apart, chosen)
    chosen.sort(key=lambda row: (-badness[row], row))
    return [Suspect(row, float(badness[row]), _reason(facts, row)) for row in chosen]


def _worst(badness: np.ndarray, count: int, apart: int, taken: Sequence[int]) -> list[int]:
    """Rows with the largest positive badness, at least ``apart`` rows from each other and from ``taken``; the earlier
    of equals.
    """
    left = badness.copy()

    def exclude(row: int) -> None:
        left[max(0, row - apart + 1) : row + apart] = 0.0

    for row in taken:
        exclude(row)
    found: list[int] = []
    while len(found) < count and (row := int(left.argmax())) >= 0 and left[row] > 0:
        found.append(row)
        exclude(row)
    return found


def _reason(facts: VideoStatistics, row: int) -> str:
    """Describe the faults of a frame."""
    layout, reasons = facts.tracks.layout, []
    absent = [name for name, there in zip(layout.individuals, facts.present[row], strict=True) if not there]
    if layout.bodyparts and absent:
        all_absent = len(absent) == len(layout.individuals)
        are = "is" if len(absent) == 1 else "are"
        reasons.append("no animal was detected" if all_absent else f"{_listed(absent)} {are} missing")
    point = int(facts.relative_step[row].argmax())
    if facts.relative_step[row, point] > JUMP_FACTOR:
        reasons.append(f"{facts.names[point]} jumps by {facts.step[row, point]:.0f} px")
    confident = int(facts.confident[row].sum())
    if confident < len(facts.names) and facts.known[row].any():
        reasons.append(f"{confident} of {len(facts.names)} points are confident")
    return "; ".join(reasons)


def _listed(names: Sequence[str], max_names: int = 3) -> str:
    return ", ".join(names[:max_names]) + (f" and {len(names) - max_names} more" if len(names) > max_names else "")
