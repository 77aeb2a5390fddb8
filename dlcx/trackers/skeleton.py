"""Follow every keypoint of an animal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dlcx.trackers.kalman import KalmanFilters, KalmanNoise


@dataclass(frozen=True)
class Skeleton:
    """Motion model whose state is x and y of all keypoints.

    The distance of a pose from a tracker is a directed Hausdorff distance: the largest distance of any of its keypoints
    from the tracker's nearest keypoint.  Any distance is accepted as a match.

    Parameters
    ----------
    parts
        Number of keypoints.
    threshold, predictions, reports_first
        See :class:`dlcx.trackers.tracklets.MotionModel`.
    """

    parts: int
    threshold: float = -np.inf
    predictions: int = 2  # as in DeepLabCut
    reports_first: bool = True
    noise: KalmanNoise = field(init=False)

    def __post_init__(self) -> None:
        ones = np.ones(2 * self.parts)
        noise = KalmanNoise(initial=ones, initial_speed=1_000 * ones, step=ones, step_speed=10 * ones, measurement=ones)
        object.__setattr__(self, "noise", noise)

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """States (R, 2 K) of poses xy (R, K, 2)."""
        return xy.reshape(len(xy), 2 * self.parts)

    def constrain(self, filters: KalmanFilters) -> None:
        """No constraint."""

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Negative distance in pixels, (n, M)."""
        one = measured.reshape(len(measured), 1, -1, 1, 2)
        other = expected.reshape(1, len(expected), 1, -1, 2)
        distance = np.linalg.norm(one - other, axis=-1)  # (n, M, K, K)
        nearest = np.where(np.isnan(distance), np.inf, distance).min(-1)
        result: np.ndarray = -np.where(np.isinf(nearest), -np.inf, nearest).max(-1)
        return result
