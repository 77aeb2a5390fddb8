"""Where two tracks may have changed animals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from dlcx.poses import SwapCandidate
from dlcx.trackers.detections import Detections
from dlcx.trackers.motion_cost import SPEED_FRAMES, MotionCost

#: How much too sure the costs are of themselves, measured on drawn animals whose swaps are known.
DOUBT = 4.0
#: Less likely swaps are not told; of those of two tracks within so many frames only the likeliest.
LEAST, APART = 0.2, 15


def swap_candidates(
    detections: Detections, rows: np.ndarray, jumps: MotionCost, names: Sequence[str]
) -> tuple[SwapCandidate, ...]:
    """Frames of the video in which two of the tracks ``rows`` (T, A) may have changed animals, by frame.

    Each step of a track, from one detection to the next, is compared with going on as the other track does.  The score
    is the probability that both went on as the other: 0.5 where neither is likelier.
    """
    steps = [_Steps(detections, track) for track in rows.T]
    found: list[SwapCandidate] = []
    for one, other in combinations(range(rows.shape[1]), 2):
        chance = _chance(detections, jumps, steps[one], steps[other], len(rows))
        found += [
            SwapCandidate(frame + detections.first, float(chance[frame]), names[one], names[other])
            for frame in _peaks(chance)
        ]
    return tuple(sorted(found, key=lambda swap: swap.frame))


class _Steps:
    """A track's detections (n,), and its speed (n, 2) before and after each, pixels a frame."""

    def __init__(self, detections: Detections, track: np.ndarray) -> None:
        self.rows = track[track >= 0]
        self.frames = detections.frame[self.rows]
        middle, number = detections.centroid[self.rows], np.arange(len(self.rows))
        self.before = self._speed(middle, np.maximum(number - SPEED_FRAMES, 0), number)
        self.after = self._speed(middle, number, np.minimum(number + SPEED_FRAMES, len(number) - 1))

    def _speed(self, middle: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        frames = np.maximum(self.frames[other] - self.frames[one], 1)
        return (middle[other] - middle[one]) / frames[:, None]

    def around(self, frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (T,) of the last detection before each frame and of the next one; -1 and n where there is none."""
        following = np.searchsorted(self.frames, np.arange(frames))
        return following - 1, following


def _chance(detections: Detections, jumps: MotionCost, one: _Steps, other: _Steps, frames: int) -> np.ndarray:
    """(T,) how likely it is that two tracks changed animals in a frame in which one of them makes a step."""
    (last, following), (other_last, other_following) = one.around(frames), other.around(frames)
    both = (last >= 0) & (other_last >= 0) & (following < len(one.rows)) & (other_following < len(other.rows))
    at = np.flatnonzero(both)
    stepping = (one.frames[following[at]] == at) | (other.frames[other_following[at]] == at)
    at = at[stepping]
    chance = np.zeros(frames)
    if not len(at):
        return chance
    tails = (one, last[at]), (other, other_last[at])
    heads = (one, following[at]), (other, other_following[at])

    def cost(tail: tuple[_Steps, np.ndarray], head: tuple[_Steps, np.ndarray]) -> np.ndarray:
        (before, begin), (after, end) = tail, head
        speed = (before.before[begin] + after.after[end]) / 2
        return jumps.cost(detections, before.rows[begin], after.rows[end], speed)

    kept = cost(tails[0], heads[0]) + cost(tails[1], heads[1])
    swapped = cost(tails[0], heads[1]) + cost(tails[1], heads[0])
    chance[at] = 1 / (1 + np.exp(np.clip((swapped - kept) / DOUBT, -50, 50)))
    return chance


def _peaks(chance: np.ndarray) -> list[int]:
    """The likeliest frames that are not near a likelier one."""
    peaks: list[int] = []
    for frame in np.argsort(-chance, kind="stable").tolist():
        if chance[frame] < LEAST:
            break
        if all(abs(frame - peak) > APART for peak in peaks):
            peaks.append(frame)
    return peaks
