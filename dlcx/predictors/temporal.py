"""Frames of a video in their order: by predictors that remember the frame before, and by those that do not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Protocol

import numpy as np

from dlcx.poses import Instances, Prediction
from dlcx.predictors.predictor import Predictor

#: Frames after which every memory begins anew, in every run: a resumed run and a part of a video equal the whole.
STRETCH = 1_000


class Watcher(Protocol):
    """Consecutive frames to poses; the analysis of a video does not ask what it remembers."""

    def entry(self, frame: int) -> int:
        """Where to begin, so that the poses from ``frame`` on are those of a run over the whole video."""
        ...

    def predict(self, first: int, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """Poses in pixels of the images (B, H, W, 3) uint8 RGB, which are the frames ``first``, ``first + 1``, ..."""
        ...


class Memory(Protocol):
    """Finds poses in a frame with the help of those in the frame before."""

    def restart(self) -> None:
        """Forget everything."""
        ...

    def look(self, image: np.ndarray, guess: Instances | None = None) -> Prediction:
        """Poses in pixels of the next image (H, W, 3) uint8 RGB; ``guess`` is what is known of it already."""
        ...


class EachFrame:
    """Without memory."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def entry(self, frame: int) -> int:
        """Anywhere."""
        return frame

    def predict(self, first: int, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """See :class:`Watcher`."""
        return self.predictor.predict(images, guesses)


class Stretches:
    """With a memory that begins anew at every multiple of :data:`STRETCH`, and where frames go back.

    It outlasts frames that are left out because they could not be decoded.
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.seen: int | None = None

    def entry(self, frame: int) -> int:
        """The last multiple."""
        return frame // STRETCH * STRETCH

    def predict(self, first: int, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """See :class:`Watcher`."""
        found = []
        for frame, (image, guess) in enumerate(zip(images, guesses or repeat(None), strict=False), first):
            if self.seen is None or frame <= self.seen or self.entry(frame) != self.entry(self.seen):
                self.memory.restart()
            found.append(self.memory.look(image, guess))
            self.seen = frame
        return found
