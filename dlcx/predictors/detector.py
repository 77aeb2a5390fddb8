"""Whole images to boxes of animals."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dlcx.engines import Engine, create_engine
from dlcx.engines.devices import choose_device
from dlcx.nets.detectors.model import BoxDetector
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.preprocessing import Preparation, build_preparation
from dlcx.settings import Detector as DetectorConfig


class Detector:
    """Finds the animals in every image of a batch, the surest first.

    Parameters
    ----------
    model, engine, preparation, device
        The net, how to call it, and what comes before.
    most
        Animals an image at most.
    least_score
        Boxes that are less sure do not count.
    """

    def __init__(
        self,
        model: BoxDetector,
        engine: Engine,
        preparation: Preparation,
        device: torch.device,
        *,
        most: int,
        least_score: float = 0.0,
    ) -> None:
        self.model, self.engine, self.preparation, self.device = model, engine, preparation, device
        self.most, self.least_score = most, least_score

    def prepare(self, images: np.ndarray) -> tuple[Tensor, Geometry]:
        """Network input on the device for images (B, H, W, 3) uint8 RGB of one size, and where their pixels went."""
        return self.preparation(images, self.device)

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> list[Instances]:
        """Animals without keypoints, with box and box_score, in pixels of the images (B, H, W, 3) uint8 RGB."""
        inputs, geometry = self.prepare(images)
        found = self.model.decode(self.engine(inputs))
        return [self._chosen(geometry.prediction_to_image(Prediction(animals)).animals) for animals in found]

    def _chosen(self, found: Instances) -> Instances:
        assert found.box is not None
        assert found.box_score is not None
        sure = np.flatnonzero(found.box_score >= self.least_score)[: self.most]
        return Instances.from_boxes(found.box[sure], found.box_score[sure])


def create_detector(
    model: BoxDetector,
    config: DetectorConfig,
    *,
    most: int,
    least_score: float = 0.0,
    device: str = "auto",
    precision: str = "fp32",
) -> Detector:
    """A detector that runs ``model``, which moves to the device (``auto``: the file's ``device`` decides first).

    A net on Apple's mps has its detector on the CPU, because mps lacks operations of detectors.

    Raises
    ------
    DlcxError
        For a device or precision that cannot be had.
    """
    chosen = choose_device({"auto": config.device, "mps": "cpu"}.get(device, device))
    run = create_engine(model, device=chosen, precision=precision)
    return Detector(model, run, build_preparation(config.data.inference), chosen, most=most, least_score=least_score)
