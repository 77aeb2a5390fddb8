"""How far points move from one frame to the next."""

from __future__ import annotations

import numpy as np


def squared_displacements(xy: np.ndarray) -> np.ndarray:
    """Squared distances (T, ...) in pixels of points (T, ..., 2) to where they were a frame before.

    nan in the first frame, and where a point is unseen in either frame.
    """
    steps = np.full(xy.shape[:-1], np.nan)
    steps[1:] = (np.diff(xy.astype(np.float64), axis=0) ** 2).sum(-1)
    return steps
