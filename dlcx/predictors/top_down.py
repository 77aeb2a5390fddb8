"""Crops around boxes to poses: all boxes of a batch of images are posed as one batch of crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dlcx.data.crops import Cropping
from dlcx.engines import Engine
from dlcx.errors import DlcxError
from dlcx.nets.model import PoseModel
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.predictor import Finder, Inputs, checked
from dlcx.predictors.preprocessing import Preparation
from dlcx.progress import METER


class TopDown:
    """Finds boxes, crops, poses each crop.

    Parameters
    ----------
    model, engine, preparation, device
        The net and how it gets its input.
    cropping
        How boxes become crops.
    finder
        Finds the boxes where they are not given; None: they must be.
    """

    def __init__(
        self,
        model: PoseModel,
        engine: Engine,
        preparation: Preparation,
        device: torch.device,
        *,
        cropping: Cropping,
        parts: int,
        finder: Finder | None = None,
    ) -> None:
        self.model, self.engine, self.preparation, self.device = model, engine, preparation, device
        self.cropping, self.parts, self.finder = cropping, parts, finder

    def inputs(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> Inputs:
        """One row a box; see :class:`dlcx.predictors.predictor.Predictor`."""
        return self._rows(images, self._boxes(images, guesses))

    @torch.inference_mode()
    def predict(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """Poses in pixels of the images (B, H, W, 3) uint8 RGB, with the boxes that they were found in."""
        boxes = self._boxes(images, guesses)
        rows = self._rows(images, boxes)
        found = self.model.decode(checked(self.engine(*rows.tensors))) if len(rows) else []
        poses = [place.prediction_to_image(one).animals for place, one in zip(rows.geometries, found, strict=True)]
        xy = np.concatenate([np.zeros((0, self.parts, 2), np.float32), *(pose.xy for pose in poses)])
        score = np.concatenate([np.zeros((0, self.parts), np.float32), *(pose.score for pose in poses)])
        return [
            Prediction(Instances(xy[mine], score[mine], box=box.box, box_score=box.box_score))
            for mine, box in ((rows.owners == image, box) for image, box in enumerate(boxes))
        ]

    def _boxes(self, images: np.ndarray, guesses: Sequence[Instances] | None) -> Sequence[Instances]:
        if guesses is not None:
            return guesses
        if self.finder is None:
            raise DlcxError("a top-down net needs boxes, and there is no detector", hint="Train one: `dlcx train`.")
        return self.finder(images)

    def _rows(self, images: np.ndarray, boxes: Sequence[Instances]) -> Inputs:
        size = images.shape[2], images.shape[1]
        found = [(image, box) for image, one in enumerate(boxes) if one.box is not None for box in one.box]
        windows = [self.cropping.window(box, size) for _, box in found]
        width, height = self.cropping.size
        crops = np.empty((len(found), height, width, 3), np.uint8)
        with METER("preparing"):
            for crop, window, (image, _) in zip(crops, windows, found, strict=True):
                crop[:] = window.cut(images[image])
        tensor, _ = self.preparation(crops, self.device)
        places = tuple(Geometry.of_window(window) for window in windows)
        return Inputs((tensor,), places, np.array([image for image, _ in found], int))
