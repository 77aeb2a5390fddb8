"""Animals that carry their numbers already, from CTD tracking: the stretches between its restarts become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.trackers.keep_order import rows

#: Pixels between two animals one of which was not seen: more than any way.
NEVER_SEEN = 1e6


@dataclass(frozen=True)
class Ctd:
    """Row i is the animal that has number i at first; numbers begin anew at every multiple of ``stretch`` frames.

    There each animal goes on with the number whose first pose is nearest to its last one, all of them together.
    """

    stretch: int

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Rows by number; animals without one are left out."""
        animals, frames = len(layout.individuals), len(predictions)
        xy, score = _by_number([one.animals for one in predictions], animals, len(layout.bodyparts))
        last = np.full((animals, *xy.shape[2:]), np.nan, xy.dtype)  # each animal's last pose
        begin = 0
        while begin < frames:
            end = min(begin + self.stretch - (first + begin) % self.stretch, frames)
            part = slice(begin, end)
            if begin:
                order = _continued(last, _first_poses(xy[part]))
                xy[part], score[part] = xy[part][:, order], score[part][:, order]
            ends = _first_poses(xy[part][::-1])
            last = np.where(np.isfinite(ends).any((1, 2), keepdims=True), ends, last)
            begin = end
        unique = [one.unique or Instances.none(len(layout.unique)) for one in predictions]
        unique_xy, unique_score = rows(unique, 1, len(layout.unique))
        return Tracks(layout, xy, score, unique_xy[:, 0], unique_score[:, 0], first=first)


def _by_number(found: Sequence[Instances], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """xy (T, animals, parts, 2) and score (T, animals, parts), each pose at its number; nan elsewhere."""
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    told = [one for one in found if one.track is not None]
    if not told:
        return xy, score
    frame = np.repeat([index for index, one in enumerate(found) if one.track is not None], [len(one) for one in told])
    number = np.concatenate([one.track for one in told if one.track is not None])
    kept = number < animals
    xy[frame[kept], number[kept]] = np.concatenate([one.xy for one in told])[kept]
    score[frame[kept], number[kept]] = np.concatenate([one.score for one in told])[kept]
    return xy, score


def _first_poses(xy: np.ndarray) -> np.ndarray:
    """Each animal's pose (A, K, 2) in the first frame of (T, A, K, 2) where it has one, else nan."""
    there = np.isfinite(xy).all(-1).any(-1)  # (T, A)
    return np.where(there.any(0)[:, None, None], xy[there.argmax(0), np.arange(xy.shape[1])], np.nan)


def _continued(last: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Which of the new poses (A, K, 2) goes on with each of the last ones: (A,)."""
    apart = np.linalg.norm(last[:, None] - new, axis=-1)  # (A, A, K)
    both = np.isfinite(apart)
    mean = np.where(both, apart, 0).sum(-1) / np.maximum(both.sum(-1), 1)
    return linear_sum_assignment(np.where(both.any(-1), mean, NEVER_SEEN))[1]
