"""Find frames in which two tracks may have swapped animals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from dlcx.poses import SwapCandidate
from dlcx.trackers.detections import Detections
from dlcx.trackers.motion_cost import SPEED_FRAMES, MotionCost

#: Divisor that calibrates differences of costs, measured on synthetic animals whose swaps are known.
CALIBRATION = 4.0
#: Minimum probability of a reported swap.
MIN_PROBABILITY = 0.2
#: Of the swaps of two tracks within this number of frames, only the most probable one is reported.
MIN_DISTANCE = 15


def find_swap_candidates(
    detections: Detections, rows: np.ndarray, motion_cost: MotionCost, names: Sequence[str]
) -> tuple[SwapCandidate, ...]:
    """Find frames in which two tracks may have swapped animals.

    The cost of each step of a track, from one detection to the next, is compared with that of continuing with the other
    track's detection.

    Parameters
    ----------
    detections
        All detections of the video.
    rows
        Row of the detection of every track in every frame, (T, A); -1 for none.
    motion_cost
        Cost of links.
    names
        Names of the tracks, (A,).

    Returns
    -------
    tuple of SwapCandidate
        By frame.  The score is the probability that both tracks continue with the other animal; 0.5 means that both
        possibilities are equally likely.
    """
    steps = [_TrackSteps(detections, track) for track in rows.T]
    found: list[SwapCandidate] = []
    for one, other in combinations(range(rows.shape[1]), 2):
        probability = _probability(detections, motion_cost, steps[one], steps[other], len(rows))
        found += [
            SwapCandidate(frame + detections.first, float(probability[frame]), names[one], names[other])
            for frame in _peaks(probability)
        ]
    return tuple(sorted(found, key=lambda swap: swap.frame))


class _TrackSteps:
    """Detections (n,) of a track, and its speed (n, 2) before and after each of them in pixels per frame."""

    def __init__(self, detections: Detections, track: np.ndarray) -> None:
        self.rows = track[track >= 0]
        self.frames = detections.frame[self.rows]
        centroid, number = detections.centroid[self.rows], np.arange(len(self.rows))
        self.before = self._speed(centroid, np.maximum(number - SPEED_FRAMES, 0), number)
        self.after = self._speed(centroid, number, np.minimum(number + SPEED_FRAMES, len(number) - 1))

    def _speed(self, centroid: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        frames = np.maximum(self.frames[other] - self.frames[one], 1)
        result: np.ndarray = (centroid[other] - centroid[one]) / frames[:, None]
        return result

    def around(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices (T,) of the last detection before each frame and of the next one; -1 and n if there is none."""
        following = np.searchsorted(self.frames, np.arange(frames))
        return following - 1, following


def _probability(
    detections: Detections, motion_cost: MotionCost, one: _TrackSteps, other: _TrackSteps, frames: int
) -> np.ndarray:
    """Probability (T,) that two tracks swapped animals in each frame in which one of them makes a step."""
    (last, following), (other_last, other_following) = one.around(frames), other.around(frames)
    both = (last >= 0) & (other_last >= 0) & (following < len(one.rows)) & (other_following < len(other.rows))
    at = np.flatnonzero(both)
    stepping = (one.frames[following[at]] == at) | (other.frames[other_following[at]] == at)
    at = at[stepping]
    probability = np.zeros(frames)
    if not len(at):
        return probability
    tails = (one, last[at]), (other, other_last[at])
    heads = (one, following[at]), (other, other_following[at])

    def cost(tail: tuple[_TrackSteps, np.ndarray], head: tuple[_TrackSteps, np.ndarray]) -> np.ndarray:
        (before, begin), (after, end) = tail, head
        speed = (before.before[begin] + after.after[end]) / 2
        return motion_cost.cost(detections, before.rows[begin], after.rows[end], speed)

    kept = cost(tails[0], heads[0]) + cost(tails[1], heads[1])
    swapped = cost(tails[0], heads[1]) + cost(tails[1], heads[0])
    probability[at] = 1 / (1 + np.exp(np.clip((swapped - kept) / CALIBRATION, -50, 50)))
    return probability


def _peaks(probability: np.ndarray) -> list[int]:
    """The most probable frames that are not close to a more probable one."""
    peaks: list[int] = []
    for frame in np.argsort(-probability, kind="stable").tolist():
        if probability[frame] < MIN_PROBABILITY:
            break
        if all(abs(frame - peak) > MIN_DISTANCE for peak in peaks):
            peaks.append(frame)
    return peaks
