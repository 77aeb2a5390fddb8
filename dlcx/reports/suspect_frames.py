"""Frames of a video whose poses look wrong, worst first: animals are missing, points are unsure or jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.reports.video_statistics import USUAL, VideoFacts

#: How many frames are chosen, and how far apart they are at least: so many frames and such a share of the video.
CHOSEN, APART, APART_SHARE = 12, 15, 1 / 100
#: The kinds of faults, in the order of the columns of :func:`faults`.
KINDS = ("missing", "unsure", "jump")


@dataclass(frozen=True)
class Suspect:
    """A frame to look at: its row of the poses, how bad it is (the sum of its faults, each from 0 to 1), and why."""

    row: int
    badness: float
    reason: str


def faults(facts: VideoFacts) -> np.ndarray:
    """How bad each frame is, (T, 3) from 0 to 1: animals missing, share of points unsure, and jumps.

    An animal that is away for a moment was probably overlooked, one that is away for long has probably left: each
    missing one counts 1 / (1 + seconds of its absence), divided by the number of animals. Points of missing animals are
    not counted as unsure as well. A jump counts from 0 for one just above the threshold, toward 1 for a far one.
    Unreadable frames are no fault of the poses.
    """
    tracks = facts.tracks
    parts, unique = len(tracks.layout.bodyparts), len(tracks.layout.unique)
    absence = [_absence(there, facts.video.fps) for there in facts.present.T] if parts else []
    missing = np.mean(absence, axis=0) if absence else np.zeros(len(tracks))
    expected = np.concatenate([np.repeat(facts.present, parts, axis=1), np.ones((len(tracks), unique), bool)], 1)
    unsure = (expected & ~facts.sure).sum(1) / np.maximum(expected.sum(1), 1)
    farthest = facts.unusual.max(1, initial=0.0)
    jump = np.where(farthest > USUAL, 1 - USUAL / np.maximum(farthest, USUAL), 0.0)
    every = np.stack([missing, unsure, jump], 1)
    return np.where(facts.readable[:, None], every, 0.0)


def _absence(present: np.ndarray, fps: float) -> np.ndarray:
    """1 / (1 + seconds of the absence) where one animal is not ``present`` (T,), else 0."""
    run = np.cumsum(np.diff(present, prepend=present[:1]))
    seconds = np.bincount(run)[run] / fps
    return np.where(present, 0.0, 1 / (1 + seconds))


def suspects(facts: VideoFacts, count: int = CHOSEN) -> list[Suspect]:
    """The worst frames, worst first, none near another; each kind of fault has a share of them where it occurs."""
    every = faults(facts)
    badness = every.sum(1)
    apart = max(APART, round(len(badness) * APART_SHARE))
    chosen: list[int] = []
    for kind in range(len(KINDS)):
        own = np.where((every.argmax(1) == kind) & (every[:, kind] > 0), badness, 0.0)
        chosen += _worst(own, count // len(KINDS), apart, chosen)
    chosen += _worst(badness, count - len(chosen), apart, chosen)
    chosen.sort(key=lambda row: (-badness[row], row))
    return [Suspect(row, float(badness[row]), _reason(facts, row)) for row in chosen]


def _worst(badness: np.ndarray, count: int, apart: int, taken: Sequence[int]) -> list[int]:
    """Rows with the largest positive badness, the earlier of equals, at least ``apart`` from each other and others."""
    left = badness.copy()

    def leave_out(row: int) -> None:
        left[max(0, row - apart + 1) : row + apart] = 0.0

    for row in taken:
        leave_out(row)
    found: list[int] = []
    while len(found) < count and (row := int(left.argmax())) >= 0 and left[row] > 0:
        found.append(row)
        leave_out(row)
    return found


def _reason(facts: VideoFacts, row: int) -> str:
    """All that is wrong in a frame, in words."""
    layout, said = facts.tracks.layout, []
    absent = [name for name, there in zip(layout.individuals, facts.present[row], strict=True) if not there]
    if layout.bodyparts and absent:
        everyone = len(absent) == len(layout.individuals)
        are = "is" if len(absent) == 1 else "are"
        said.append("no animal was found" if everyone else f"{_listed(absent)} {are} missing")
    point = int(facts.unusual[row].argmax())
    if facts.unusual[row, point] > USUAL:
        said.append(f"{facts.names[point]} jumps by {facts.step[row, point]:.0f} px")
    sure = int(facts.sure[row].sum())
    if sure < len(facts.names) and facts.known[row].any():
        said.append(f"{sure} of {len(facts.names)} points are sure")
    return "; ".join(said)


def _listed(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
