"""Comparison of the maps of two engines by their maximum absolute difference."""

from __future__ import annotations

import numpy as np

from dlcx.heads.protocol import Outputs

#: Tolerated difference, relative to the maximum of a map.
MAX_RELATIVE_DIFFERENCE = 1e-3


def max_relative_difference(expected: Outputs, found: Outputs) -> float:
    """Return the maximum absolute difference of maps, relative to the maximum absolute value of each map.

    Parameters
    ----------
    expected, found
        Maps by head and name.

    Returns
    -------
    float
        The largest of all maps; inf if a difference is not finite.
    """
    largest = 0.0
    for head, maps in expected.items():
        for name, reference in maps.items():
            if not reference.numel():
                continue
            difference = float((found[head][name] - reference).abs().amax())
            if not np.isfinite(difference):
                return np.inf
            largest = max(largest, difference / max(float(reference.abs().amax()), 1e-6))
    return largest
