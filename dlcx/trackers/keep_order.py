"""No linking: the i-th animal that the net found in a frame is row i, as in DeepLabCut's untracked files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances, Layout, Prediction, Tracks


@dataclass(frozen=True)
class KeepOrder:
    """Keeps the order of the net; animals beyond the project's individuals are left out."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Rows in the net's order."""
        xy, score = rows([one.animals for one in predictions], len(layout.individuals), len(layout.bodyparts))
        uniques = [one.unique or Instances.none(len(layout.unique)) for one in predictions]
        unique_xy, unique_score = rows(uniques, 1, len(layout.unique))
        return Tracks(layout, xy, score, unique_xy[:, 0], unique_score[:, 0], first=first)


def rows(found: Sequence[Instances], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """xy (T, animals, parts, 2) and score (T, animals, parts) of the first animals of every frame; nan where fewer."""
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    if not found:
        return xy, score
    counts = np.array([len(one) for one in found])
    frame = np.repeat(np.arange(len(found)), counts)
    row = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = row < animals
    kept &= np.concatenate([one.there for one in found])
    xy[frame[kept], row[kept]] = np.concatenate([one.xy for one in found])[kept]
    score[frame[kept], row[kept]] = np.concatenate([one.score for one in found])[kept]
    return xy, score
