"""Pair each row with a range of other rows, without a Python loop."""

from __future__ import annotations

import numpy as np


def pairs_with_ranges(begin: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """List all pairs of a row i and the rows from ``begin[i]`` up to, but not including, ``stop[i]``.

    Parameters
    ----------
    begin, stop
        Range of rows for each row, (N,) int with ``begin <= stop``.

    Returns
    -------
    numpy.ndarray
        Pairs (P, 2) of rows, sorted.

    Examples
    --------
    >>> pairs_with_ranges(np.array([1, 2]), np.array([3, 3])).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    count = stop - begin
    one = np.repeat(np.arange(len(begin)), count)
    other = np.arange(len(one)) - np.repeat(np.cumsum(count) - count - begin, count)
    return np.stack([one, other], 1)
