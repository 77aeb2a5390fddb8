"""One animal is looked for where it was in the frame before, and everywhere only where it is not found there.

After DeepLabCut 3.0.2's ``dynamic`` and ``top_down_dynamic``.  A frame in which the animal is lost is searched at once;
DeepLabCut searches the next one.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from dlcx.data.crops import boxes_around
from dlcx.poses import Instances, Prediction
from dlcx.predictors.predictor import Predictor
from dlcx.predictors.top_down import TopDown

#: Sides of regions are multiples of it, so that a net sees few different sizes, all made of whole cells.
STEP = 32
#: Shortest side of a region, in pixels.
LEAST = 64
#: Columns and rows of the patches that a frame is searched in, and how many pixels neighbors share.
PATCHES, OVERLAP = (3, 2), 50


class View(Protocol):
    """How a net looks at an image (H, W, 3); poses are in pixels of the image."""

    def inside(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """What is found in a box (4,) x, y, width, height within the image."""
        ...

    def anywhere(self, image: np.ndarray) -> Prediction:
        """What is found in all of it."""
        ...


class DynamicCrop:
    """A :class:`dlcx.predictors.temporal.Memory` of one animal's last pose.

    Parameters
    ----------
    view
        How the net looks.
    score
        A pose is believed when any of its keypoints reaches it.
    margin
        Pixels around the keypoints of the last pose, which are the box to look in.
    """

    def __init__(self, view: View, *, score: float, margin: float) -> None:
        self.view, self.score, self.margin = view, score, margin
        self.box: np.ndarray | None = None

    def restart(self) -> None:
        """Forget where the animal was."""
        self.box = None

    def look(self, image: np.ndarray, guess: Instances | None = None) -> Prediction:
        """The pose in pixels of the image (H, W, 3) uint8 RGB."""
        if self.box is not None:
            found = surest(self.view.inside(image, self.box))
            if self._remember(found, image):
                return found
        found = surest(self.view.anywhere(image))
        self._remember(found, image)
        return found

    def _remember(self, found: Prediction, image: np.ndarray) -> bool:
        """Whether the pose is believed; if so, its box is the next to look in."""
        score = np.where(np.isfinite(found.animals.xy).all(-1), found.animals.score, 0.0)
        self.box = None
        if believed := bool((score >= self.score).any()):
            self.box = boxes_around(found.animals.xy, (image.shape[1], image.shape[0]), self.margin)[0]
        return believed


class Crops:
    """For nets that see whole images: they see a region as if it were one."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def inside(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """See :class:`View`."""
        x1, y1, x2, y2 = region(box, (image.shape[1], image.shape[0]))
        return self.predictor.predict(image[None, y1:y2, x1:x2])[0].shifted(x1, y1)

    def anywhere(self, image: np.ndarray) -> Prediction:
        """See :class:`View`."""
        return self.predictor.predict(image[None])[0]


class Boxes:
    """For nets that see crops: the last pose stands for the detector, and patches of the image where there is none."""

    def __init__(self, predictor: TopDown) -> None:
        self.predictor = predictor

    def inside(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """See :class:`View`."""
        return self._posed(image, box[None])

    def anywhere(self, image: np.ndarray) -> Prediction:
        """See :class:`View`; what the surest patch shows is looked at once more, alone."""
        if self.predictor.finder is not None:
            return self.predictor.predict(image[None])[0]
        size = image.shape[1], image.shape[0]
        found = surest(self._posed(image, patches(size)))
        return self._posed(image, boxes_around(found.animals.xy, size, OVERLAP / 2))

    def _posed(self, image: np.ndarray, boxes: np.ndarray) -> Prediction:
        return self.predictor.predict(image[None], [Instances.from_boxes(boxes, np.ones(len(boxes), np.float32))])[0]


def surest(found: Prediction) -> Prediction:
    """The animal with the best mean score alone, or none where none is."""
    if len(found.animals) < 2:
        return found
    best = found.animals.score.mean(1).argmax(keepdims=True)
    return Prediction(found.animals[best], found.unique)


def region(box: np.ndarray, image: tuple[int, int]) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 in whole pixels around a box (4,) of an image of (width, height).

    Sides are multiples of :data:`STEP` and at least :data:`LEAST`, as far as the image reaches.
    """
    size, low = np.array(image), np.floor(box[:2])
    needed = np.ceil(box[:2] + box[2:]) - low
    side = np.maximum(np.ceil(needed / STEP) * STEP, LEAST)
    low = np.clip(low - (side - needed) // 2, 0, np.maximum(size - side, 0))
    x1, y1, x2, y2 = np.concatenate([low, np.minimum(low + side, size)]).astype(int).tolist()
    return x1, y1, x2, y2


def patches(image: tuple[int, int]) -> np.ndarray:
    """Boxes (P, 4) that cover an image of (width, height): the image itself, and a grid of overlapping ones."""
    size, counts = np.array(image, float), np.array(PATCHES)
    side = np.minimum((size + (counts - 1) * OVERLAP) / counts, size)
    starts = [np.linspace(0, size[axis] - side[axis], counts[axis]) for axis in (0, 1)]
    corners = np.stack(np.meshgrid(*starts), -1).reshape(-1, 2)
    grid = np.concatenate([corners, np.broadcast_to(side, corners.shape)], -1)
    return np.concatenate([[[0.0, 0.0, *size]], grid])
