"""Trackers that follow the box around an animal's keypoints, as SORT does (Bewley et al., ICIP 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.kalman import Filters, Noise

_NOISE = Noise(
    birth=np.full(4, 10.0),
    birth_speed=np.array([10_000.0, 10_000, 10_000, 0]),  # the shape has no speed
    step=np.ones(4),
    step_speed=np.array([0.01, 0.01, 0.0001, 0]),
    measured=np.array([1.0, 1, 10, 10]),
)


@dataclass(frozen=True)
class Box:
    """Follows cx, cy, area and width / height of the box, ``slack`` pixels wider than the keypoints on all sides."""

    slack: float = 0
    threshold: float = 0.6
    predictions: int = 1
    at_birth: bool = False
    noise: Noise = _NOISE

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """(R, 4) of poses xy (R, K, 2)."""
        low, high = corners(xy, self.slack)
        width, height = (high - low).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.column_stack([(low + high) / 2, width * height, width / height])

    def before(self, filters: Filters) -> None:
        """An area never shrinks to nothing."""
        shrinks = filters.value[:, 2] + filters.speed[:, 2] <= 0
        if shrinks.any():
            filters.speed[shrinks, 2] = 0

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Intersection over union (n, M)."""
        return overlap(_sides(measured), _sides(expected))


def corners(xy: np.ndarray, slack: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner (R, 2) of the boxes around poses xy (R, K, 2)."""
    low = np.where(np.isnan(xy), np.inf, xy).min(1) - slack
    high = np.where(np.isnan(xy), -np.inf, xy).max(1) + slack
    return low, high


def overlap(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union (n, M) of boxes (n, 4) and (M, 4) as x1, y1, x2, y2."""
    one, other = some[:, None], others[None]
    shared = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    inside = np.maximum(shared, 0).prod(-1)
    area, other_area = ((boxes[..., 2:] - boxes[..., :2]).prod(-1) for boxes in (one, other))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(inside / (area + other_area - inside))


def _sides(states: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 (n, 4) of cx, cy, area, width / height."""
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.sqrt(states[:, 2] * states[:, 3])
        half = np.column_stack([width, states[:, 2] / width]) / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], 1)
