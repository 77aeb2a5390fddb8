"""Smooth time series with a sliding median."""

from __future__ import annotations

import math

import numpy as np

from dlcx.errors import DlcxError

#: Number of values that are sorted at once, to limit memory for wide windows over long videos.
BLOCK = 2**22


def median_filter(values: np.ndarray, window: int = 5) -> np.ndarray:
    """Replace every value by the median of the window around it.

    Parameters
    ----------
    values
        Time series (T, ...), filtered along the first axis.  nan stays nan and does not influence its neighbors.
    window
        Number of frames, odd.  The first and the last value are repeated beyond the ends.

    Returns
    -------
    numpy.ndarray
        (T, ...) float64.

    Raises
    ------
    DlcxError
        If the window is not a positive odd number.

    Examples
    --------
    >>> median_filter(np.array([1.0, 9.0, 2.0, 3.0]), window=3)
    array([1., 2., 3., 3.])
    """
    if window < 1 or window % 2 == 0:
        raise DlcxError(f"the window of a median filter must be an odd number of frames, got {window}")
    columns = values.reshape(len(values), math.prod(values.shape[1:])).astype(np.float64)
    columns[~np.isfinite(columns)] = np.nan
    if not columns.size:
        return columns.reshape(values.shape)
    padded = np.pad(columns, ((window // 2, window // 2), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)  # (T, N, window)
    rows = max(1, BLOCK // (window * columns.shape[1]))
    for first in range(0, len(columns), rows):
        block = slice(first, first + rows)
        columns[block] = np.where(np.isfinite(columns[block]), _medians(around[block]), np.nan)
    return columns.reshape(values.shape)


def _medians(windows: np.ndarray) -> np.ndarray:
    """Medians (T, N) of windows (T, N, W), ignoring nan."""
    ordered = np.sort(windows, axis=-1)  # nan is sorted last
    count = np.isfinite(ordered).sum(-1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2], -1)
    low, high = np.moveaxis(np.take_along_axis(ordered, middle, -1), -1, 0)
    result: np.ndarray = low + (high - low) / 2
    return result
