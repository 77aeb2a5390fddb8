"""Follow the bounding box of an animal's keypoints, as SORT does (Bewley et al., ICIP 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.kalman import KalmanFilters, KalmanNoise

_NOISE = KalmanNoise(
    initial=np.full(4, 10.0),
    initial_speed=np.array([10_000.0, 10_000, 10_000, 0]),  # the aspect ratio has no speed
    step=np.ones(4),
    step_speed=np.array([0.01, 0.01, 0.0001, 0]),
    measurement=np.array([1.0, 1, 10, 10]),
)


@dataclass(frozen=True)
class Box:
    """Motion model whose state is center x, center y, area and aspect ratio (width / height) of the box.

    Parameters
    ----------
    margin
        Pixels added to each side of the box around the keypoints.
    threshold, predictions, reports_first, noise
        See :class:`dlcx.trackers.tracklets.MotionModel`.
    """

    margin: float = 0
    threshold: float = 0.6
    predictions: int = 1
    reports_first: bool = False
    noise: KalmanNoise = _NOISE

    def measure(self, xy: np.ndarray) -> np.ndarray:
        """States (R, 4) of poses xy (R, K, 2)."""
        low, high = box_corners(xy, self.margin)
        width, height = (high - low).T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.column_stack([(low + high) / 2, width * height, width / height])

    def constrain(self, filters: KalmanFilters) -> None:
        """Stop areas that would become negative from shrinking."""
        vanishes = filters.value[:, 2] + filters.speed[:, 2] <= 0
        if vanishes.any():
            filters.speed[vanishes, 2] = 0

    def similarity(self, measured: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Intersection over union (n, M)."""
        return iou(_corners_of_states(measured), _corners_of_states(expected))


def box_corners(xy: np.ndarray, margin: float = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bounding boxes of poses.

    Parameters
    ----------
    xy
        (R, K, 2) in pixels, nan where unseen.
    margin
        Pixels added to each side.

    Returns
    -------
    tuple of numpy.ndarray
        Top left and bottom right corners, (R, 2) each.
    """
    low = np.where(np.isnan(xy), np.inf, xy).min(1) - margin
    high = np.where(np.isnan(xy), -np.inf, xy).max(1) + margin
    return low, high


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes.

    Parameters
    ----------
    boxes, others
        (n, 4) and (M, 4) as x1, y1, x2, y2.

    Returns
    -------
    numpy.ndarray
        (n, M) from 0 to 1; 0 for boxes without area.

    Examples
    --------
    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])).round(3)
    array([[0.333]])
    """
    one, other = boxes[:, None], others[None]
    shared = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    intersection = np.maximum(shared, 0).prod(-1)
    area, other_area = ((corners[..., 2:] - corners[..., :2]).prod(-1) for corners in (one, other))
    with np.errstate(divide="ignore", invalid="ignore"):
        result: np.ndarray = np.nan_to_num(intersection / (area + other_area - intersection))
        return result


def _corners_of_states(states: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 (n, 4) of states: center x, center y, area, aspect ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.sqrt(states[:, 2] * states[:, 3])
        half = np.column_stack([width, states[:, 2] / width]) / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], 1)
