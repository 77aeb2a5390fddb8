"""Interface of predictors, independent of the network they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry

#: Detects the conditions in images (B, H, W, 3) uint8 RGB: boxes for a top-down network, poses for a conditional one.
ConditionDetector = Callable[[np.ndarray], list[Instances]]


@dataclass(frozen=True)
class Inputs:
    """Input of a network: R rows, which are images or crops of images.

    Parameters
    ----------
    tensors
        Arguments of the network, each with R rows.
    geometries
        How the pixels of each row map to its image.
    owners
        (R,): index of the image of each row.
    """

    tensors: tuple[Tensor, ...]
    geometries: tuple[Geometry, ...]
    owners: np.ndarray

    def __len__(self) -> int:
        return len(self.geometries)


class LocalView(Protocol):
    """Predicts poses in a part of an image, for dynamic cropping. Poses are in pixels of the full image."""

    def predict_in_box(self, image: np.ndarray, box: np.ndarray) -> Prediction:
        """Predict the poses in a box (4,) x, y, width, height of an image (H, W, 3) uint8 RGB."""
        ...

    def predict_anywhere(self, image: np.ndarray) -> Prediction:
        """Predict the poses in an image (H, W, 3) uint8 RGB, wherever they are."""
        ...


class Predictor(Protocol):
    """Predicts the poses in images; commands do not ask which kind of network it runs.

    ``conditions`` are boxes for a top-down network and poses for a conditional one, in pixels of the images. Without
    them the predictor detects them itself. Bottom-up networks ignore them.
    """

    def inputs(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> Inputs:
        """Return the network's input for images (B, H, W, 3) uint8 RGB of the same size."""
        ...

    def predict(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> list[Prediction]:
        """Return one prediction per image, in pixels of the images (B, H, W, 3) uint8 RGB."""
        ...

    def local_view(self) -> LocalView:
        """Return how this predictor is applied to a part of an image."""
        ...
