"""Follow an ellipse around an animal's keypoints: its position, size and orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.kalman import KalmanFilters, KalmanNoise

#: Minimum number of keypoints of an ellipse.
MIN_KEYPOINTS = 3
#: Length of the axes in standard deviations: two to each side.
_AXIS_LENGTH = 4


_NOISE = KalmanNoise(
    initial=np.full(5, 10.0),
    initial_speed=np.full(5, 10_000.0),
    step=np.ones(5),
    step_speed=np.full(5, 0.01),
    measurement=np.array([1.0, 1, 10, 10, 10]),
)


@dataclass(frozen=True)
class Ellipse:
    """Motion model whose state is center x, center y, width, height (pixels) and angle, as in DeepLabCut 3.0.2.

    Parameters
    ----------
    threshold, predictions, reports_first, noise
        See :class:`dlcx.trackers.tracklets.MotionModel`.
    """

    threshold: float = 0.6
    predictions: int = 1
    reports_first: bool = False
    noise: KalmanNoise = _NOISE

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """Ellipses (R, 5) of poses xy (R, K, 2)."""
        return fit_ellipses(xy)

    def constrain(self, filters: KalmanFilters) -> None:
        """No constraint."""

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """See :func:`ellipse_similarity`."""
        return ellipse_similarity(measured, expected)


def fit_ellipses(xy: np.ndarray) -> np.ndarray:
    """Fit an ellipse to the keypoints of each pose.

    The center is the mean of the keypoints.  The axes are four standard deviations long and lie along the eigenvectors
    of their covariance.

    Parameters
    ----------
    xy
        (R, K, 2) in pixels, nan where unseen.

    Returns
    -------
    numpy.ndarray
        (R, 5): center x, center y, longer axis, shorter axis, and angle of the longer axis from 0 to pi; nan for poses
        with fewer than three keypoints.
    """
    seen = np.isfinite(xy).all(-1)
    count = seen.sum(1)
    too_few = count < MIN_KEYPOINTS
    number = np.where(too_few, MIN_KEYPOINTS, count)[:, None]
    center = np.where(seen[..., None], xy, 0).sum(1) / number
    offset = np.where(seen[..., None], xy - center[:, None], 0)
    var_x, var_y = ((offset**2).sum(1) / (number - 1)).T
    covariance = (offset[..., 0] * offset[..., 1]).sum(1) / (number[:, 0] - 1)
    mean, half = (var_x + var_y) / 2, np.hypot((var_x - var_y) / 2, covariance)
    axes = _AXIS_LENGTH * np.sqrt(np.maximum([mean + half, mean - half], 0))
    angle = np.arctan2(2 * covariance, var_x - var_y) / 2 % np.pi
    ellipses = np.column_stack([center, *axes, angle])
    ellipses[too_few] = np.nan
    return ellipses


def ellipse_similarity(ellipses: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Similarity of ellipses: 0.8 c + 0.2 c |cos(rotation)| with c = 1 - distance / longest axis of both, at least 0.

    Parameters
    ----------
    ellipses, others
        (n, 5) and (M, 5), see :func:`fit_ellipses`.

    Returns
    -------
    numpy.ndarray
        (n, M) from 0 to 1; 0 for two ellipses without extent.
    """
    difference = ellipses[:, None] - others[None]
    distance = np.hypot(difference[..., 0], difference[..., 1])
    longest = np.maximum(ellipses[:, 2:4].max(1)[:, None], others[:, 2:4].max(1)[None])
    with np.errstate(divide="ignore", invalid="ignore"):
        closeness = np.fmax(1 - distance / longest, 0)  # fmax turns 0 / 0 into 0
    result: np.ndarray = closeness * (0.8 + 0.2 * np.abs(np.cos(difference[..., 4])))
    return result
