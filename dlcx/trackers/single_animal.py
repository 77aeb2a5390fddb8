"""Track the only animal of a project: keep the most confident pose of every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.trackers.keep_order import KeepOrder


@dataclass(frozen=True)
class SingleAnimal:
    """Keeps the pose with the highest mean score of every frame, for projects with one individual."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Keep one pose per frame, see :meth:`dlcx.trackers.Tracker.link`.

        Raises
        ------
        ValueError
            If the layout has several individuals.
        """
        if len(layout.individuals) != 1:
            raise ValueError(f"SingleAnimal: expected one individual, got {layout.individuals}")
        best = [Prediction(_most_confident(one.animals), one.unique) for one in predictions]
        return KeepOrder().link(best, layout, first)


def _most_confident(animals: Instances) -> Instances:
    if len(animals) < 2:
        return animals
    best = int(np.argmax(animals.score.mean(1)))
    return Instances(animals.xy[best : best + 1], animals.score[best : best + 1])
