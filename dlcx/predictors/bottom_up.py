"""Whole images to poses in one pass."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dlcx.engines import Engine
from dlcx.nets.model import PoseModel
from dlcx.poses import Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.prepare import Preparation


class BottomUp:
    """Predicts every image of a batch at once; only coordinates come back from the device."""

    def __init__(self, model: PoseModel, engine: Engine, preparation: Preparation, device: torch.device) -> None:
        self.model, self.engine, self.preparation, self.device = model, engine, preparation, device

    def prepare(self, images: np.ndarray) -> tuple[Tensor, Geometry]:
        """Network input on the device for images (B, H, W, 3) uint8 RGB of one size, and where their pixels went."""
        return self.preparation(images, self.device)

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> list[Prediction]:
        """Poses in pixels of the images (B, H, W, 3) uint8 RGB, one prediction an image."""
        inputs, geometry = self.prepare(images)
        found = self.model.decode(self.engine(inputs))
        return [geometry.prediction_to_image(prediction) for prediction in found]
