"""Short gaps filled by a cubic spline."""

from __future__ import annotations

import math

import numpy as np

_LEAST = 4  # known frames that a cubic needs


def fill_gaps(values: np.ndarray, longest: int = 5) -> np.ndarray:
    """Each column of values (T, ...) with gaps (nan) of up to ``longest`` frames filled; 0 fills gaps of any length.

    A cubic spline through the known frames (not-a-knot), continued beyond the first and the last of them.
    """
    from scipy.interpolate import CubicSpline

    columns = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    filled = columns.copy()
    frames = np.arange(len(columns))
    for column in range(columns.shape[1]):
        known = np.isfinite(columns[:, column])
        if known.all() or known.sum() < _LEAST:
            continue
        fill = ~known & ((longest <= 0) | (_gap_lengths(known) <= longest))
        filled[fill, column] = CubicSpline(frames[known], columns[known, column])(frames[fill])
    return filled.reshape(values.shape)


def _gap_lengths(known: np.ndarray) -> np.ndarray:
    """For each frame (T,) the length of the run of unknown frames that it is in, 0 where it is known."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int)))
    lengths = np.zeros(len(known), int)
    for start, stop in edges.reshape(-1, 2):
        lengths[start:stop] = stop - start
    return lengths
