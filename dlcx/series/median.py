"""The median of a sliding window."""

from __future__ import annotations

import math

import numpy as np

from dlcx.errors import DlcxError

#: Numbers sorted at a time, so that a wide window over a long video needs little memory.
BLOCK = 2**22


def median_filter(values: np.ndarray, window: int = 5) -> np.ndarray:
    """The median over ``window`` frames, of each column of values (T, ...).

    The first and the last value are repeated beyond the ends. Values that are nan stay nan and do not count for their
    neighbors.

    Raises
    ------
    DlcxError
        When the window is not odd.
    """
    if window < 1 or window % 2 == 0:
        raise DlcxError(f"a median needs a window of an odd number of frames, got {window}")
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
    """Medians (T, N) of windows (T, N, W); nan does not count."""
    ordered = np.sort(windows, axis=-1)  # nan comes last
    count = np.isfinite(ordered).sum(-1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2], -1)
    low, high = np.moveaxis(np.take_along_axis(ordered, middle, -1), -1, 0)
    return low + (high - low) / 2
