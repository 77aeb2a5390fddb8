"""Frames whose poses look wrong: unsure, jumping, or off the path that a fitted process expects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlcx.series.arima import fit_arima
from dlcx.series.displacement import squared_displacements


def uncertain_frames(score: np.ndarray, least: float) -> np.ndarray:
    """Which frames (T,) have a point whose score (T, N) is below ``least``."""
    return np.any(score < least, axis=1)


def displaced_frames(xy: np.ndarray, farthest: float) -> np.ndarray:
    """Which frames (T,) have a point of xy (T, N, 2) farther than ``farthest`` pixels from where it was before."""
    return np.any(squared_displacements(xy) > farthest**2, axis=1)


def deviating_frames(
    xy: np.ndarray,
    score: np.ndarray,
    farthest: float,
    *,
    least: float,
    ar: int = 3,
    ma: int = 1,
    fitted: Callable[[], object] = lambda: None,
) -> np.ndarray:
    """Which frames (T,) are on average of all points farther than ``farthest`` pixels from what is expected.

    A process is fitted to each coordinate of xy (T, N, 2), from points whose score (T, N) is at least ``least``; see
    :func:`dlcx.series.arima.fit_arima`.
    """
    known = np.broadcast_to((score >= least)[..., None], xy.shape)
    expected = fit_arima(xy, known, ar=ar, ma=ma, fitted=fitted).mean
    distance = np.linalg.norm(xy - expected, axis=-1)  # (T, N)
    there = np.isfinite(distance)
    mean = np.where(there, distance, 0).sum(1) / np.maximum(there.sum(1), 1)
    return mean > farthest
