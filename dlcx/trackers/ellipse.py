"""Trackers that follow an ellipse around an animal's keypoints: where it is, how large, and how turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.kalman import Filters, Noise

#: Keypoints that an ellipse needs.
LEAST = 3
_STRETCH = 4  # axes in standard deviations: two to either side


_NOISE = Noise(
    birth=np.full(5, 10.0),
    birth_speed=np.full(5, 10_000.0),
    step=np.ones(5),
    step_speed=np.full(5, 0.01),
    measured=np.array([1.0, 1, 10, 10, 10]),
)


@dataclass(frozen=True)
class Ellipse:
    """Follows cx, cy, width, height (pixels) and angle; see DeepLabCut 3.0.2's tracker of that name."""

    threshold: float = 0.6
    predictions: int = 1
    at_birth: bool = False
    noise: Noise = _NOISE

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """Ellipses (R, 5) of poses xy (R, K, 2)."""
        return ellipses(xy)

    def before(self, filters: Filters) -> None:
        """Nothing to correct."""

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """(n, M), at most 1."""
        return ellipse_similarity(measured, expected)


def ellipses(xy: np.ndarray) -> np.ndarray:
    """cx, cy, width, height, angle (R, 5) of poses xy (R, K, 2); nan for fewer than three keypoints.

    The centre is the keypoints' mean, the axes are four standard deviations along the eigenvectors of their covariance,
    the larger one first; the angle (0 to pi) is the larger one's.
    """
    seen = np.isfinite(xy).all(-1)
    count = seen.sum(1)
    few = count < LEAST
    number = np.where(few, LEAST, count)[:, None]
    centre = np.where(seen[..., None], xy, 0).sum(1) / number
    away = np.where(seen[..., None], xy - centre[:, None], 0)
    xx, yy = ((away**2).sum(1) / (number - 1)).T
    xy_ = (away[..., 0] * away[..., 1]).sum(1) / (number[:, 0] - 1)
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy_)
    axes = _STRETCH * np.sqrt(np.maximum([middle + half, middle - half], 0))
    angle = np.arctan2(2 * xy_, xx - yy) / 2 % np.pi
    found = np.column_stack([centre, *axes, angle])
    found[few] = np.nan
    return found


def ellipse_similarity(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n, M) of ellipses (n, 5) and (M, 5): 0.8 c + 0.2 c |cos(turn)|, c = 1 - distance in the largest axis of both."""
    one, other = some[:, None], others[None]
    apart = one - other
    distance = np.hypot(apart[..., 0], apart[..., 1])
    largest = np.maximum(some[:, 2:4].max(1)[:, None], others[:, 2:4].max(1)[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.fmax(1 - distance / largest, 0)  # 0 also for nan
    return near * (0.8 + 0.2 * np.abs(np.cos(apart[..., 4])))
