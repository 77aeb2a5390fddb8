"""Build tracklets: assign the animals of each frame to the trackers that predicted them.

The bookkeeping is that of SORT (Bewley et al., ICIP 2016), with DeepLabCut 3.0.2's rules for starting, reporting and
ending tracklets.  A :class:`MotionModel` decides what a tracker follows and how animals are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.trackers.detections import Detections
from dlcx.trackers.kalman import KalmanFilters, KalmanNoise


@dataclass(frozen=True)
class Tracklet:
    """Detections that one tracker collected.

    Parameters
    ----------
    number
        Number of the tracker, counted from 0.
    rows
        Rows (n,) of the detections, at most one per frame, in the order of frames.
    """

    number: int
    rows: np.ndarray


class MotionModel(Protocol):
    """What a tracker follows of an animal, D numbers, and how similar two animals are."""

    @property
    def noise(self) -> KalmanNoise:
        """Noise of the Kalman filters."""
        ...

    @property
    def threshold(self) -> float:
        """Minimum similarity of a match."""
        ...

    @property
    def predictions(self) -> int:
        """Number of prediction steps per frame."""
        ...

    @property
    def reports_first(self) -> bool:
        """Whether the first detection of a tracker is reported."""
        ...

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """States (R, D) of poses xy (R, K, 2); a row of nan cannot be followed."""
        ...

    def constrain(self, filters: KalmanFilters) -> None:
        """Correct the filters in place before a prediction."""
        ...

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Similarity (n, M) of measured (n, D) and expected (M, D) states; higher is more similar."""
        ...


def build_tracklets(
    detections: Detections, motion: MotionModel, *, max_age: int = 1, min_hits: int = 1
) -> list[Tracklet]:
    """Link detections of consecutive frames as far as that is reliable.

    A tracker ends after more than ``max_age`` frames without a detection, and reports detections once it has had
    ``min_hits`` of them in a row after its first.  The first detection of a tracklet is therefore lost, unless it is in
    the first frame or the motion model reports it.  Frames without animals do not count.

    Parameters
    ----------
    detections
        All detections of the video.
    motion
        What to follow and how to compare.
    max_age
        Maximum number of frames without a detection.
    min_hits
        Minimum number of consecutive detections.

    Returns
    -------
    list of Tracklet
        In the order in which DeepLabCut lists them.
    """
    measured = motion.measure(detections.xy)
    usable = ~np.isnan(measured).all(1)
    all_usable = bool(usable.all())
    filters = KalmanFilters(motion.noise)
    number = np.zeros(0, int)  # of the live trackers, oldest first
    age = np.zeros(0, int)  # frames since a tracker's last detection
    streak = np.zeros(0, int)  # consecutive detections, without the first
    created = 0
    found: dict[int, list[int]] = {}
    for processed, frame in enumerate(detections.by_frame(), 1):
        rows = np.arange(frame.start, frame.stop)
        if not all_usable:
            rows = rows[usable[rows]]
        for _ in range(motion.predictions):
            motion.constrain(filters)
            filters.predict()
            streak[age > 0] = 0
            age += 1
        expected = filters.value
        lost = np.isnan(expected).all(1)
        if lost.any():
            alive = ~lost
            filters.keep(alive)
            number, age, streak, expected = number[alive], age[alive], streak[alive], expected[alive]
        pairs, unmatched = _match(measured[rows], expected, motion)
        held = np.full(len(number), -1)
        if len(pairs):
            matched, own = pairs[:, 1], rows[pairs[:, 0]]
            filters.update(matched, measured[own])
            held[matched] = own
            _count_detections(age, streak, matched, measured[own])
        if len(unmatched):
            filters.add(measured[rows[unmatched]])
            none = np.zeros(len(unmatched), int)
            number = np.concatenate([number, np.arange(created, created + len(unmatched))])
            age, streak = np.concatenate([age, none]), np.concatenate([streak, none])
            held = np.concatenate([held, rows[unmatched]])
            created += len(unmatched)
        alive = age <= max_age
        reported = alive & (held >= 0)
        if processed > min_hits and not motion.reports_first:
            reported &= streak >= min_hits
        for key, row in zip(number[reported][::-1].tolist(), held[reported][::-1].tolist(), strict=True):
            found.setdefault(key, []).append(row)
        if not alive.all():
            filters.keep(alive)
            number, age, streak = number[alive], age[alive], streak[alive]
    return [Tracklet(key, np.array(rows)) for key, rows in found.items()]


def _count_detections(age: np.ndarray, streak: np.ndarray, matched: np.ndarray, measured: np.ndarray) -> None:
    """Update the counters of the matched trackers (n,), even if their states ``measured`` (n, D) are incomplete."""
    age[matched] = 0
    streak[matched] += 1


def _match(measured: np.ndarray, expected: np.ndarray, motion: MotionModel) -> tuple[np.ndarray, Sequence[int]]:
    """Pairs (n, 2) of detection and tracker, and the detections that start new trackers, in their order."""
    if not len(expected) or not len(measured):
        return np.zeros((0, 2), int), range(len(measured))
    similarity = motion.similarity(measured, expected)
    one, other = linear_sum_assignment(similarity, maximize=True)
    good = similarity[one, other] >= motion.threshold
    if good.all() and len(one) == len(measured):
        return np.stack([one, other], 1), ()
    taken = set(one.tolist())
    unmatched = [index for index in range(len(measured)) if index not in taken]
    unmatched += one[~good].tolist()
    return np.stack([one[good], other[good]], 1), unmatched
