"""Tracklets: from frame to frame each animal goes to the tracker that expected it.

The bookkeeping is that of SORT (Bewley et al., ICIP 2016), with DeepLabCut 3.0.2's rules of birth, report and death;
what a tracker follows and how it compares is the ``Motion``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.trackers.detections import Detections
from dlcx.trackers.kalman import Filters, Noise


@dataclass(frozen=True)
class Tracklet:
    """Rows (n,) of the detections, of rising frames, that one tracker called its own; ``number`` counts trackers."""

    number: int
    rows: np.ndarray


class Motion(Protocol):
    """What a tracker follows of an animal, D numbers, and how alike two of these are."""

    @property
    def noise(self) -> Noise:
        """Of the filters."""
        ...

    @property
    def threshold(self) -> float:
        """Pairs less alike are no match."""
        ...

    @property
    def predictions(self) -> int:
        """How often a frame is predicted."""
        ...

    @property
    def at_birth(self) -> bool:
        """Whether a tracker is believed at birth."""
        ...

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """(R, D) of the poses xy (R, K, 2); rows of nan cannot be followed."""
        ...

    def before(self, filters: Filters) -> None:
        """Correct the filters before they are predicted, in place."""
        ...

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """(n, M): the larger, the more alike."""
        ...


def build_tracklets(detections: Detections, motion: Motion, *, max_age: int = 1, min_hits: int = 1) -> list[Tracklet]:
    """Link detections as far as that is safe, in the order in which DeepLabCut lists tracklets.

    A tracker dies when it found nothing for more than ``max_age`` frames, and is believed once it was found
    ``min_hits`` frames in a row after its birth.  So the first detection of a tracklet is lost, unless it is of the
    first frame or the motion is believed at birth.  Frames without animals do not count.
    """
    measured = motion.measure(detections.xy)
    usable = ~np.isnan(measured).all(1)
    all_usable = bool(usable.all())
    filters = Filters(motion.noise)
    number = np.zeros(0, int)  # of the live trackers, oldest first
    unseen = np.zeros(0, int)  # frames since a tracker's last detection
    streak = np.zeros(0, int)  # detections in a row, without the first
    born = 0
    found: dict[int, list[int]] = {}
    for processed, frame in enumerate(detections.by_frame(), 1):
        rows = np.arange(frame.start, frame.stop)
        if not all_usable:
            rows = rows[usable[rows]]
        for _ in range(motion.predictions):
            motion.before(filters)
            filters.predict()
            streak[unseen > 0] = 0
            unseen += 1
        expected = filters.value
        lost = np.isnan(expected).all(1)
        if lost.any():
            alive = ~lost
            filters.keep(alive)
            number, unseen, streak, expected = number[alive], unseen[alive], streak[alive], expected[alive]
        pairs, fresh = _matched(measured[rows], expected, motion)
        held = np.full(len(number), -1)
        if len(pairs):
            which, own = pairs[:, 1], rows[pairs[:, 0]]
            filters.update(which, measured[own])
            held[which] = own
            _note_found(unseen, streak, which, measured[own])
        if len(fresh):
            filters.add(measured[rows[fresh]])
            none = np.zeros(len(fresh), int)
            number = np.concatenate([number, np.arange(born, born + len(fresh))])
            unseen, streak = np.concatenate([unseen, none]), np.concatenate([streak, none])
            held = np.concatenate([held, rows[fresh]])
            born += len(fresh)
        alive = unseen <= max_age
        told = alive & (held >= 0)
        if processed > min_hits and not motion.at_birth:
            told &= streak >= min_hits
        for key, row in zip(number[told][::-1].tolist(), held[told][::-1].tolist(), strict=True):
            found.setdefault(key, []).append(row)
        if not alive.all():
            filters.keep(alive)
            number, unseen, streak = number[alive], unseen[alive], streak[alive]
    return [Tracklet(key, np.array(rows)) for key, rows in found.items()]


def _note_found(unseen: np.ndarray, streak: np.ndarray, which: np.ndarray, measured: np.ndarray) -> None:
    """Trackers ``which`` (n,) found what was ``measured`` (n, D), whether or not all of it was seen."""
    unseen[which] = 0
    streak[which] += 1


def _matched(measured: np.ndarray, expected: np.ndarray, motion: Motion) -> tuple[np.ndarray, Sequence[int]]:
    """Pairs (n, 2) of detection and tracker, and the detections that begin new trackers in their order."""
    if not len(expected) or not len(measured):
        return np.zeros((0, 2), int), range(len(measured))
    alike = motion.similarity(measured, expected)
    one, other = linear_sum_assignment(alike, maximize=True)
    good = alike[one, other] >= motion.threshold
    if good.all() and len(one) == len(measured):
        return np.stack([one, other], 1), ()
    taken = set(one.tolist())
    fresh = [index for index in range(len(measured)) if index not in taken]
    fresh += one[~good].tolist()
    return np.stack([one[good], other[good]], 1), fresh
