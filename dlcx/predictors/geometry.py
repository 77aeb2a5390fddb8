"""Conversion between pixels of an image and pixels of the network input; the only place that does this arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dlcx.data.crops import CropWindow
from dlcx.poses import Instances, Prediction


@dataclass(frozen=True)
class Geometry:
    """net = scale * (image - offset), for x and y. Padding is at the bottom and right and does not change coordinates.

    Parameters
    ----------
    scale
        Pixels of the network input per pixel of the image.
    offset
        In pixels of the image.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of_window(cls, window: CropWindow) -> Geometry:
        """Return the geometry of a crop."""
        x, y = window.scale
        return cls((1 / x, 1 / y), window.offset)

    def to_net(self, xy: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) in pixels of the image to pixels of the network input."""
        return (xy - np.asarray(self.offset, np.float32)) * np.asarray(self.scale, np.float32)

    def to_image(self, xy: np.ndarray) -> np.ndarray:
        """Convert points (..., 2) in pixels of the network input to pixels of the image."""
        return xy / np.asarray(self.scale, np.float32) + np.asarray(self.offset, np.float32)

    def prediction_to_image(self, prediction: Prediction) -> Prediction:
        """Convert a prediction in pixels of the network input to pixels of the image."""
        if self == Geometry():
            return prediction
        unique = prediction.unique
        return Prediction(self._instances(prediction.animals), unique and self._instances(unique))

    def _instances(self, found: Instances) -> Instances:
        box = found.box
        if box is not None:
            size = box[:, 2:] / np.asarray(self.scale, np.float32)
            box = np.concatenate([self.to_image(box[:, :2]), size], -1)
        return replace(found, xy=self.to_image(found.xy), box=box)
