"""Join the track numbers of CTD tracking, which restart at regular intervals, into tracks of the full video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.trackers.keep_order import stack_instances

#: Distance in pixels assigned to a pair of animals one of which was never seen; larger than any real distance.
UNSEEN_DISTANCE = 1e6


@dataclass(frozen=True)
class Ctd:
    """Assigns animals to individuals by the numbers that CTD tracking gave them.

    Numbers restart at every multiple of the reset interval.  There, the animals before and after are matched such that
    the total distance between their last and first poses is minimal.

    Parameters
    ----------
    reset_interval
        Number of frames after which the numbers restart.
    """

    reset_interval: int

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Link by number, see :meth:`dlcx.trackers.Tracker.link`; animals without a number are dropped."""
        animals, frames = len(layout.individuals), len(predictions)
        xy, score = _by_number([one.animals for one in predictions], animals, len(layout.bodyparts))
        last = np.full((animals, *xy.shape[2:]), np.nan, xy.dtype)  # last pose of each animal
        begin = 0
        while begin < frames:
            end = min(begin + self.reset_interval - (first + begin) % self.reset_interval, frames)
            part = slice(begin, end)
            if begin:
                order = _match(last, _first_poses(xy[part]))
                xy[part], score[part] = xy[part][:, order], score[part][:, order]
            ends = _first_poses(xy[part][::-1])
            last = np.where(np.isfinite(ends).any((1, 2), keepdims=True), ends, last)
            begin = end
        unique = [one.unique or Instances.empty(len(layout.unique)) for one in predictions]
        unique_xy, unique_score = stack_instances(unique, 1, len(layout.unique))
        return Tracks(layout, xy, score, unique_xy[:, 0], unique_score[:, 0], first=first)


def _by_number(found: Sequence[Instances], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """xy (T, animals, parts, 2) and score (T, animals, parts) with each pose at its number; nan elsewhere."""
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    numbered = [(index, one, one.track) for index, one in enumerate(found) if one.track is not None]
    if not numbered:
        return xy, score
    frame = np.repeat([index for index, _, _ in numbered], [len(one) for _, one, _ in numbered])
    number = np.concatenate([track for _, _, track in numbered])
    kept = number < animals
    xy[frame[kept], number[kept]] = np.concatenate([one.xy for _, one, _ in numbered])[kept]
    score[frame[kept], number[kept]] = np.concatenate([one.score for _, one, _ in numbered])[kept]
    return xy, score


def _first_poses(xy: np.ndarray) -> np.ndarray:
    """First pose of each animal (A, K, 2) in frames (T, A, K, 2); nan without one."""
    exists = np.isfinite(xy).all(-1).any(-1)  # (T, A)
    return np.where(exists.any(0)[:, None, None], xy[exists.argmax(0), np.arange(xy.shape[1])], np.nan)


def _match(last: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Index (A,) of the new pose (A, K, 2) that continues each of the last poses (A, K, 2)."""
    distance = np.linalg.norm(last[:, None] - new, axis=-1)  # (A, A, K)
    both = np.isfinite(distance)
    mean = np.where(both, distance, 0).sum(-1) / np.maximum(both.sum(-1), 1)
    result: np.ndarray = linear_sum_assignment(np.where(both.any(-1), mean, UNSEEN_DISTANCE))[1]
    return result
