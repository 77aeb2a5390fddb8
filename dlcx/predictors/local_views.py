"""Prediction in a part of an image, for dynamic cropping: in a region of it, or in boxes of a top-down network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlcx.data.crops import boxes_around
from dlcx.poses import Instances, Prediction

if TYPE_CHECKING:
    from dlcx.predictors.predictor import Predictor
    from dlcx.predictors.top_down import TopDown

#: Sides of regions are multiples of this number of pixels, so that a network sees few different sizes.
STEP = 32
#: Minimum side of a region in pixels.
MIN_SIDE = 64
#: Columns and rows of the patches in which an image is searched, and by how many pixels adjacent patches overlap.
PATCHES, OVERLAP = (3, 2), 50


class RegionView:
    """Applies a network for full images to a region; see :class:`dlcx.predictors.predictor.LocalView`."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict_in_box(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """Predict in a region around the box."""
        x1, y1, x2, y2 = region_around(box, (image.shape[1], image.shape[0]))
        return self.predictor.predict(image[None, y1:y2, x1:x2])[0].shifted(x1, y1)

    def predict_anywhere(self, image: np.ndarray) -> Prediction:
        """Predict in the full image."""
        return self.predictor.predict(image[None])[0]


class BoxView:
    """Applies a top-down network to a box; see :class:`dlcx.predictors.predictor.LocalView`."""

    def __init__(self, predictor: TopDown) -> None:
        self.predictor = predictor

    def predict_in_box(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """Predict in the box instead of in detected boxes."""
        return self._predict(image, box[None])

    def predict_anywhere(self, image: np.ndarray) -> Prediction:
        """Predict in detected boxes; without a detector, in patches and then in a box around the best pose."""
        if self.predictor.detector is not None:
            return self.predictor.predict(image[None])[0]
        size = image.shape[1], image.shape[0]
        found = best_animal(self._predict(image, search_patches(size)))
        return self._predict(image, boxes_around(found.animals.xy, size, OVERLAP / 2))

    def _predict(self, image: np.ndarray, boxes: np.ndarray) -> Prediction:
        return self.predictor.predict(image[None], [Instances.from_boxes(boxes, np.ones(len(boxes), np.float32))])[0]


def best_animal(found: Prediction) -> Prediction:
    """Keep only the animal with the highest mean score."""
    if len(found.animals) < 2:
        return found
    best = found.animals.score.mean(1).argmax(keepdims=True)
    return Prediction(found.animals[best], found.unique)


def region_around(box: np.ndarray, image: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the region around a box, in whole pixels.

    Its sides are multiples of ``STEP`` and at least ``MIN_SIDE``, as far as the image permits.

    Parameters
    ----------
    box
        x, y, width, height (4,) in pixels of the image.
    image
        Width and height of the image.

    Returns
    -------
    tuple of int
        x1, y1, x2, y2.
    """
    size, low = np.array(image), np.floor(box[:2])
    needed = np.ceil(box[:2] + box[2:]) - low
    side = np.maximum(np.ceil(needed / STEP) * STEP, MIN_SIDE)
    low = np.clip(low - (side - needed) // 2, 0, np.maximum(size - side, 0))
    x1, y1, x2, y2 = np.concatenate([low, np.minimum(low + side, size)]).astype(int).tolist()
    return x1, y1, x2, y2


def search_patches(image: tuple[int, int]) -> np.ndarray:
    """Return boxes (P, 4) that cover an image of (width, height): the full image, then a grid of overlapping boxes."""
    size, counts = np.array(image, float), np.array(PATCHES)
    side = np.minimum((size + (counts - 1) * OVERLAP) / counts, size)
    starts = [np.linspace(0, size[axis] - side[axis], counts[axis]) for axis in (0, 1)]
    corners = np.stack(np.meshgrid(*starts), -1).reshape(-1, 2)
    grid = np.concatenate([corners, np.broadcast_to(side, corners.shape)], -1)
    return np.concatenate([[[0.0, 0.0, *size]], grid])
