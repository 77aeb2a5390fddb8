"""Link the poses of single frames into one track per animal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dlcx.poses import Layout, Prediction, Tracks


class Tracker(Protocol):
    """Links the poses of consecutive frames."""

    def link(self, predictions: Sequence[Prediction], layout: Layout, first: int = 0) -> Tracks:
        """Link predictions into tracks.

        Parameters
        ----------
        predictions
            One entry per frame, in pixels of the full image.
        layout
            Bodyparts and individuals of the project.
        first
            Number of the first frame in the video.

        Returns
        -------
        Tracks
            One row per frame; nan where an individual has no pose.
        """
        ...
