"""Completion."""

from __future__ import annotations

import numpy as np

from dlcx.trackers.detections import Detections


def complete(detections: Detections, rows: np.ndarray) -> np.ndarray:
    """TODO."""
    return rows
