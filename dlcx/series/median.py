"""The median of a sliding window."""

from __future__ import annotations

import numpy as np

from dlcx.errors import DlcxError


def median_filter(values: np.ndarray, window: int = 5) -> np.ndarray:
    """The median over ``window`` frames, of each column of values (T, ...).

    The first and the last value go on beyond the ends.  There, within half a window, values that are nan stay nan and
    do not count for others.

    Raises
    ------
    DlcxError
        When the window is not odd.
    """
    from scipy.signal import medfilt

    if window < 1 or window % 2 == 0:
        raise DlcxError(f"a median needs a window of an odd number of frames, got {window}")
    columns = values.reshape(len(values), -1).astype(np.float64)
    filtered = np.empty_like(columns)
    half = window // 2
    ends = np.arange(len(columns))
    ends = ends[(ends < half) | (ends >= len(columns) - half)]
    for column, series in enumerate(columns.T):  # several columns at once would treat nan otherwise
        # zeros as medfilt pads itself, but it warns where the window is longer than the video
        filtered[:, column] = medfilt(np.pad(series, half), window)[half : half + len(series)]
        known = ends[np.isfinite(series[ends])]
        filtered[ends, column] = np.nan  # it counts the zeros
        around = np.pad(series, half, mode="edge")[known[:, None] + np.arange(window)]
        filtered[known, column] = np.nanmedian(around, axis=1)
    return filtered.reshape(values.shape)
