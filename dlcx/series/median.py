"""The median of a sliding window."""

from __future__ import annotations

import numpy as np

from dlcx.errors import DlcxError


def median_filter(values: np.ndarray, window: int = 5) -> np.ndarray:
    """The median over ``window`` frames, of each column of values (T, ...); frames beyond the ends count as 0.

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
    padding = window // 2  # as medfilt pads itself, but it warns where the window is longer than the video
    for column, series in enumerate(columns.T):  # several columns at once would treat nan otherwise
        filtered[:, column] = medfilt(np.pad(series, padding), window)[padding : padding + len(series)]
    return filtered.reshape(values.shape)
