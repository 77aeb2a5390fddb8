"""Fill short gaps in time series with cubic splines."""

from __future__ import annotations

import math

import numpy as np

#: Minimum number of known frames for a cubic spline.
_MIN_KNOWN = 4


def fill_gaps(values: np.ndarray, max_gap: int = 5) -> np.ndarray:
    """Fill gaps with a cubic spline through the known values (not-a-knot), extrapolated at both ends.

    Parameters
    ----------
    values
        Time series (T, ...), filled along the first axis; gaps are nan.
    max_gap
        Maximum length of a gap in frames; 0 fills gaps of any length.

    Returns
    -------
    numpy.ndarray
        (T, ...) float64; columns with fewer than four known values are unchanged.

    Examples
    --------
    >>> fill_gaps(np.array([0.0, 1.0, np.nan, 3.0, 4.0]))
    array([0., 1., 2., 3., 4.])
    """
    from scipy.interpolate import CubicSpline

    columns = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    filled = columns.copy()
    frames = np.arange(len(columns))
    for column in range(columns.shape[1]):
        known = np.isfinite(columns[:, column])
        if known.all() or known.sum() < _MIN_KNOWN:
            continue
        fill = ~known & ((max_gap <= 0) | (_gap_lengths(known) <= max_gap))
        filled[fill, column] = CubicSpline(frames[known], columns[known, column])(frames[fill])
    return filled.reshape(values.shape)


def _gap_lengths(known: np.ndarray) -> np.ndarray:
    """Length of the gap that contains each frame, (T,); 0 for known frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int)))
    lengths = np.zeros(len(known), int)
    for start, stop in edges.reshape(-1, 2):
        lengths[start:stop] = stop - start
    return lengths
