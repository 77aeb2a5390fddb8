"""Copy animals to individuals in the order of the network, as in DeepLabCut's files of untracked predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances, Layout, Prediction, Tracks


@dataclass(frozen=True)
class KeepOrder:
    """Assigns the i-th animal of every frame to the i-th individual; surplus animals are dropped."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Assign animals by their order, see :meth:`dlcx.trackers.Tracker.link`."""
        xy, score = stack_instances(
            [one.animals for one in predictions], len(layout.individuals), len(layout.bodyparts)
        )
        uniques = [one.unique or Instances.empty(len(layout.unique)) for one in predictions]
        unique_xy, unique_score = stack_instances(uniques, 1, len(layout.unique))
        return Tracks(layout, xy, score, unique_xy[:, 0], unique_score[:, 0], first=first)


def stack_instances(found: Sequence[Instances], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Stack the first animals of all frames into arrays.

    Parameters
    ----------
    found
        Animals of T frames.
    animals, parts
        Number of animals and keypoints in the result.

    Returns
    -------
    tuple of numpy.ndarray
        xy (T, animals, parts, 2) and score (T, animals, parts), float32, nan where a frame has fewer animals.
    """
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    if not found:
        return xy, score
    counts = np.array([len(one) for one in found])
    frame = np.repeat(np.arange(len(found)), counts)
    row = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = row < animals
    kept &= np.concatenate([one.is_present for one in found])
    xy[frame[kept], row[kept]] = np.concatenate([one.xy for one in found])[kept]
    score[frame[kept], row[kept]] = np.concatenate([one.score for one in found])[kept]
    return xy, score
