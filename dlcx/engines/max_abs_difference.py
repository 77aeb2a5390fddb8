"""How far the maps of two ways to run a net are apart."""

from __future__ import annotations

import numpy as np

from dlcx.heads.protocol import Outputs

#: By how much maps may differ, as a share of their highest value.
SHARE = 1e-3


def largest_gap(expected: Outputs, found: Outputs) -> float:
    """The largest difference of maps as a share of the map's highest value; inf where one is not a number."""
    largest = 0.0
    for head, maps in expected.items():
        for name, wanted in maps.items():
            if not wanted.numel():
                continue
            gap = float((found[head][name] - wanted).abs().amax())
            if not np.isfinite(gap):
                return np.inf
            largest = max(largest, gap / max(float(wanted.abs().amax()), 1e-6))
    return largest
