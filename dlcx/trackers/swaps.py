"""Where two tracks may have changed animals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.poses import SwapCandidate
from dlcx.trackers.detections import Detections


def swap_candidates(detections: Detections, rows: np.ndarray, names: Sequence[str]) -> tuple[SwapCandidate, ...]:
    """TODO."""
    return ()
