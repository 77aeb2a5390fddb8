"""Whole images to poses in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from dlcx.engines import Engine
from dlcx.heads.heatmap.identity_scores import assign_identities
from dlcx.nets.model import PoseModel
from dlcx.poses import Instances, Prediction
from dlcx.predictors.predictor import Inputs, checked
from dlcx.predictors.preprocessing import Preparation


class BottomUp:
    """Predicts every image of a batch at once; only coordinates come back from the device."""

    def __init__(self, model: PoseModel, engine: Engine, preparation: Preparation, device: torch.device) -> None:
        self.model, self.engine, self.preparation, self.device = model, engine, preparation, device

    def inputs(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> Inputs:
        """One row an image; see :class:`dlcx.predictors.predictor.Predictor`."""
        tensor, geometry = self.preparation(images, self.device)
        return Inputs((tensor,), (geometry,) * len(images), np.arange(len(images)))

    @torch.inference_mode()
    def predict(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """Poses in pixels of the images (B, H, W, 3) uint8 RGB, one prediction an image.

        Where the net tells who the animals are, row i is the i-th individual of the project, or nobody.
        """
        rows = self.inputs(images)
        found = self.model.decode(checked(self.engine(*rows.tensors)))
        found = [replace(one, animals=assign_identities(one.animals)) for one in found]
        return [place.prediction_to_image(one) for place, one in zip(rows.geometries, found, strict=True)]
