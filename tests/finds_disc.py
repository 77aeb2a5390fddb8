"""What takes a net's place where videos are analyzed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dlcx.poses import Instances, Prediction


class FindsDisc:
    """In place of a net: snout is the disc's center, back 10 pixels to the right of it, tail 10 below."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.before: Callable[[int], None] = lambda batch: None

    def predict(self, images: np.ndarray, guesses: object = None) -> list[Prediction]:
        self.before(len(self.batches))
        self.batches.append(len(images))
        found = []
        for image in images:
            y, x = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 120))
            center = np.array([x.mean(), y.mean()]) if len(x) else np.array([-1.0, -1.0])
            xy = np.add(center, [[0, 0], [10, 0], [0, 10]]).astype(np.float32)
            found.append(Prediction(Instances(xy[None], np.full((1, 3), 0.9, np.float32))))
        return found
