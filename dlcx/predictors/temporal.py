"""Prediction of consecutive frames with the help of the frame before.

Predictors that use the frame before are reset every ``RESET_INTERVAL`` frames, so that resumed runs and parts of a
video equal a run over the full video.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Protocol

import numpy as np

from dlcx.poses import Instances, Prediction

#: Number of frames after which predictors that use the frame before are reset, in every run.
RESET_INTERVAL = 1_000


class TemporalPredictor(Protocol):
    """Predicts the poses in consecutive frames."""

    def warm_up_start(self, frame: int) -> int:
        """Return the frame to start at, so that predictions from ``frame`` on equal those of the full video."""
        ...

    def predict(
        self, first: int, images: np.ndarray, conditions: Sequence[Instances] | None = None
    ) -> list[Prediction]:
        """Return one prediction per frame.

        Parameters
        ----------
        first
            Number of the first frame.
        images
            The frames ``first``, ``first + 1``, ... (B, H, W, 3) uint8 RGB.
        conditions
            Boxes or poses of each frame, in pixels of the frame, if they are known.
        """
        ...


class FramePredictor(Protocol):
    """Predicts the poses in a frame with the help of the frame before."""

    def reset(self) -> None:
        """Forget the frames before."""
        ...

    def predict_next(self, image: np.ndarray, condition: Instances | None = None) -> Prediction:
        """Return the poses in pixels of the next frame (H, W, 3) uint8 RGB, given its condition, if known."""
        ...


class ResettingPredictor:
    """Predicts each frame with the help of the one before; a :class:`TemporalPredictor`.

    It is reset at multiples of ``RESET_INTERVAL``, and when frame numbers do not increase. Frames that could not be
    decoded and are left out do not reset it.

    Parameters
    ----------
    predictor
        Predicts the next frame.
    """

    def __init__(self, predictor: FramePredictor) -> None:
        self.predictor = predictor
        self.last_frame: int | None = None

    def warm_up_start(self, frame: int) -> int:
        """Return the last reset at or before ``frame``."""
        return frame // RESET_INTERVAL * RESET_INTERVAL

    def predict(
        self, first: int, images: np.ndarray, conditions: Sequence[Instances] | None = None
    ) -> list[Prediction]:
        """Return one prediction per frame; see :class:`TemporalPredictor`."""
        found = []
        for frame, (image, condition) in enumerate(zip(images, conditions or repeat(None), strict=False), first):
            if self._needs_reset(frame):
                self.predictor.reset()
            found.append(self.predictor.predict_next(image, condition))
            self.last_frame = frame
        return found

    def _needs_reset(self, frame: int) -> bool:
        last = self.last_frame
        return last is None or frame <= last or self.warm_up_start(frame) != self.warm_up_start(last)
