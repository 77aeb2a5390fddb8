"""Top-down prediction: the pose in a crop around each box; all boxes of a batch of images are one batch of crops."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import torch

from dlcx.data.crops import Cropping
from dlcx.engines import Engine
from dlcx.errors import DlcxError
from dlcx.nets.model import PoseModel, check_outputs
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.local_views import BoxView
from dlcx.predictors.predictor import ConditionDetector, Inputs
from dlcx.predictors.preprocessing import Preprocessing
from dlcx.progress import NETWORK_TIME


class TopDown:
    """Detects boxes and predicts the pose in a crop around each.

    Parameters
    ----------
    model, engine, preprocessing, device
        The network, how it is called, and how and where its input is prepared.
    cropping
        How boxes become crops.
    bodyparts
        Number of bodyparts K.
    detector
        Detects boxes if they are not given; None if they must be given.
    """

    def __init__(
        self,
        model: PoseModel,
        engine: Engine,
        preprocessing: Preprocessing,
        device: torch.device,
        *,
        cropping: Cropping,
        bodyparts: int,
        detector: ConditionDetector | None = None,
    ) -> None:
        self.model, self.engine, self.preprocessing, self.device = model, engine, preprocessing, device
        self.cropping, self.bodyparts, self.detector = cropping, bodyparts, detector

    def inputs(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> Inputs:
        """Return one row per box; see :class:`dlcx.predictors.predictor.Predictor`."""
        return self._crop_inputs(images, self._boxes(images, conditions))

    @torch.inference_mode()
    def predict(self, images: np.ndarray, conditions: Sequence[Instances] | None = None) -> list[Prediction]:
        """Predict the poses in images.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB.
        conditions
            Boxes of each image, in pixels of the images; None to detect them.

        Returns
        -------
        list of Prediction
            One per image, in pixels of the images: one pose per box, with its box.

        Raises
        ------
        DlcxError
            If boxes are neither given nor can be detected.
        """
        boxes = self._boxes(images, conditions)
        inputs = self._crop_inputs(images, boxes)
        found = self.model.decode(check_outputs(self.engine(*inputs.tensors))) if len(inputs) else []
        poses = [
            geometry.prediction_to_image(one).animals for geometry, one in zip(inputs.geometries, found, strict=True)
        ]
        xy = np.concatenate([np.zeros((0, self.bodyparts, 2), np.float32), *(pose.xy for pose in poses)])
        score = np.concatenate([np.zeros((0, self.bodyparts), np.float32), *(pose.score for pose in poses)])
        return [
            Prediction(Instances(xy[rows], score[rows], box=box.box, box_score=box.box_score))
            for rows, box in ((inputs.owners == image, box) for image, box in enumerate(boxes))
        ]

    def local_view(self) -> BoxView:
        """Apply the network to given boxes instead of detected ones."""
        return BoxView(self)

    def _boxes(self, images: np.ndarray, conditions: Sequence[Instances] | None) -> Sequence[Instances]:
        if conditions is not None:
            return conditions
        if self.detector is None:
            raise DlcxError("a top-down network needs a detector, and there is none", hint="Train one: `dlcx train`.")
        return self.detector(images)

    def _crop_inputs(self, images: np.ndarray, boxes: Sequence[Instances]) -> Inputs:
        size = images.shape[2], images.shape[1]
        owned = [
            (image, box) for image, of_image in enumerate(boxes) if of_image.box is not None for box in of_image.box
        ]
        windows = [self.cropping.window(box, size) for _, box in owned]
        width, height = self.cropping.size
        crops = np.empty((len(owned), height, width, 3), np.uint8)
        started = perf_counter()
        for crop, window, (image, _) in zip(crops, windows, owned, strict=True):
            crop[:] = window.cut(images[image])
        NETWORK_TIME.preparing += perf_counter() - started
        tensor, _ = self.preprocessing(crops, self.device)
        geometries = tuple(Geometry.of_window(window) for window in windows)
        return Inputs((tensor,), geometries, np.array([image for image, _ in owned], int))
