"""Bottom-up prediction: all poses of full images in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from dlcx.engines import Engine
from dlcx.heads.heatmap.identity_scores import assign_identities
from dlcx.nets.model import PoseModel, check_outputs
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.local_views import RegionView
from dlcx.predictors.predictor import Inputs
from dlcx.predictors.preprocessing import Preprocessing

#: The geometry of images that are not resized.
UNCHANGED = Geometry()


class BottomUp:
    """Predicts all images of a batch at once. Only coordinates are transferred back from the device.

    Parameters
    ----------
    model, engine, preprocessing, device
        The network, how it is called, and how and where its input is prepared.
    """

    def __init__(self, model: PoseModel, engine: Engine, preprocessing: Preprocessing, device: torch.device) -> None:
        self.model, self.engine, self.preprocessing, self.device = model, engine, preprocessing, device

    def inputs(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> Inputs:
        """Return one row per image; see :class:`dlcx.predictors.predictor.Predictor`."""
        tensor, geometry = self.preprocessing(images, self.device)
        return Inputs((tensor,), (geometry,) * len(images), np.arange(len(images)))

    @torch.inference_mode()
    def predict(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> list[Prediction]:
        """Predict the poses in images.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB.
        conditions
            Ignored.

        Returns
        -------
        list of Prediction
            One per image, in pixels of the images. If the network has an identity head, row i of the animals is the
            project's i-th individual, or empty.
        """
        inputs = self.inputs(images)
        found = self.model.decode(check_outputs(self.engine(*inputs.tensors)))
        if found and found[0].animals.identity is not None:
            found = [replace(one, animals=assign_identities(one.animals)) for one in found]
        if inputs.geometries[0] == UNCHANGED:
            return found
        return [geometry.prediction_to_image(one) for geometry, one in zip(inputs.geometries, found, strict=True)]

    def local_view(self) -> RegionView:
        """Apply the network to regions as if they were full images."""
        return RegionView(self)
