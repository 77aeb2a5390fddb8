"""One animal: its most certain pose in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.trackers.keep_order import KeepOrder


@dataclass(frozen=True)
class Single:
    """For projects with one individual; of several poses in a frame the one with the best mean score is kept."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """One row a frame."""
        if len(layout.individuals) != 1:
            raise ValueError(f"Single: expected one individual, got {layout.individuals}")
        best = [Prediction(_best(one.animals), one.unique) for one in predictions]
        return KeepOrder().link(best, layout, first)


def _best(animals: Instances) -> Instances:
    if len(animals) < 2:
        return animals
    pick = slice(best := int(np.argmax(animals.score.mean(1))), best + 1)
    return Instances(animals.xy[pick], animals.score[pick])
