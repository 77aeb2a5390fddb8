"""Find frames with unlikely poses: uncertain, far from the previous frame, or far from the prediction of a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlcx.series.arima import fit_arima
from dlcx.series.displacement import squared_displacements


def uncertain_frames(score: np.ndarray, min_score: float) -> np.ndarray:
    """Find the frames with at least one uncertain point.

    Parameters
    ----------
    score
        Scores (T, N).
    min_score
        Points with a lower score are uncertain.

    Returns
    -------
    numpy.ndarray
        (T,) bool.
    """
    result: np.ndarray = np.any(score < min_score, axis=1)
    return result


def displaced_frames(xy: np.ndarray, max_distance: float) -> np.ndarray:
    """Find the frames in which at least one point is far from its position in the previous frame.

    Parameters
    ----------
    xy
        Positions (T, N, 2) in pixels, nan where unseen.
    max_distance
        Maximum distance in pixels.

    Returns
    -------
    numpy.ndarray
        (T,) bool.
    """
    result: np.ndarray = np.any(squared_displacements(xy) > max_distance**2, axis=1)
    return result


def deviating_frames(
    xy: np.ndarray,
    score: np.ndarray,
    max_distance: float,
    *,
    min_score: float,
    ar: int = 3,
    ma: int = 1,
    fitted: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Find the frames whose points are far from the prediction of an ARIMA model, on average over all points.

    Parameters
    ----------
    xy
        Positions (T, N, 2) in pixels; a model is fitted to each coordinate, see :func:`dlcx.series.arima.fit_arima`.
    score
        Scores (T, N).
    max_distance
        Maximum mean distance in pixels.
    min_score
        The models are fitted to points with at least this score.
    ar, ma
        Orders of the autoregressive and the moving-average part.
    fitted
        Called after each coordinate.

    Returns
    -------
    numpy.ndarray
        (T,) bool.

    Raises
    ------
    DlcxError
        If statsmodels is not installed.
    """
    known = np.broadcast_to((score >= min_score)[..., None], xy.shape)
    expected = fit_arima(xy, known, ar=ar, ma=ma, fitted=fitted).mean
    distance = np.linalg.norm(xy - expected, axis=-1)  # (T, N)
    known_distance = np.isfinite(distance)
    mean = np.where(known_distance, distance, 0).sum(1) / np.maximum(known_distance.sum(1), 1)
    result: np.ndarray = mean > max_distance
    return result
