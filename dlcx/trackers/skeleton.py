"""Trackers that follow every keypoint of an animal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dlcx.trackers.kalman import Filters, Noise


@dataclass(frozen=True)
class Skeleton:
    """Follows x and y of all ``parts`` keypoints; any distance is a match.

    A pose is as far from a tracker as the worst of its keypoints is from the tracker's nearest one, a directed
    Hausdorff distance.
    """

    parts: int
    threshold: float = -np.inf
    predictions: int = 2  # as in DeepLabCut
    at_birth: bool = True
    noise: Noise = field(init=False)

    def __post_init__(self) -> None:
        ones = np.ones(2 * self.parts)
        object.__setattr__(
            self,
            "noise",
            Noise(birth=ones, birth_speed=1_000 * ones, step=ones, step_speed=10 * ones, measured=ones),
        )

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """(R, 2 K)."""
        return xy.reshape(len(xy), 2 * self.parts)

    def before(self, filters: Filters) -> None:
        """Nothing to correct."""

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """The distance (n, M), negative."""
        one = measured.reshape(len(measured), 1, -1, 1, 2)
        other = expected.reshape(1, len(expected), 1, -1, 2)
        apart = np.linalg.norm(one - other, axis=-1)  # (n, M, K, K)
        nearest = np.where(np.isnan(apart), np.inf, apart).min(-1)
        return -np.where(np.isinf(nearest), -np.inf, nearest).max(-1)
