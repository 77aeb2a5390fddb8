"""From poses of single frames to one row an individual: the same protocol with and without motion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dlcx.poses import Layout, Prediction, Tracks


class Tracker(Protocol):
    """Links the poses of consecutive frames."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Tracks of the frames ``first``, ``first + 1``, ...; frames without a pose become nan rows."""
        ...
