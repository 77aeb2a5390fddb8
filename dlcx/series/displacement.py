"""Displacement of points from frame to frame."""

from __future__ import annotations

import numpy as np


def squared_displacements(xy: np.ndarray) -> np.ndarray:
    """Compute the squared distance of each point from its position in the previous frame.

    Parameters
    ----------
    xy
        Positions (T, ..., 2) in pixels, nan where unseen.

    Returns
    -------
    numpy.ndarray
        (T, ...) in square pixels; nan in the first frame, and where a point is unseen in either frame.

    Examples
    --------
    >>> squared_displacements(np.array([[0.0, 0.0], [3.0, 4.0]]))
    array([nan, 25.])
    """
    squared = np.full(xy.shape[:-1], np.nan)
    squared[1:] = (np.diff(xy.astype(np.float64), axis=0) ** 2).sum(-1)
    return squared
