"""Detection: the boxes of animals in full images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dlcx.engines import Engine, create_engine
from dlcx.engines.devices import choose_device
from dlcx.nets.detectors.model import BoxDetector
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.preprocessing import Preprocessing, build_preprocessing
from dlcx.settings import DetectorConfig


class AnimalDetector:
    """Detects the animals in all images of a batch.

    Parameters
    ----------
    model, engine, preprocessing, device
        The network, how it is called, and how and where its input is prepared.
    max_animals
        Maximum number of animals per image.
    min_score
        Minimum score of a box.
    """

    def __init__(
        self,
        model: BoxDetector,
        engine: Engine,
        preprocessing: Preprocessing,
        device: torch.device,
        *,
        max_animals: int,
        min_score: float = 0.0,
    ) -> None:
        self.model, self.engine, self.preprocessing, self.device = model, engine, preprocessing, device
        self.max_animals, self.min_score = max_animals, min_score

    def prepare(self, images: np.ndarray) -> tuple[Tensor, Geometry]:
        """Return the network input on the device for images (B, H, W, 3) uint8 RGB, and how pixels map to it."""
        return self.preprocessing(images, self.device)

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> list[Instances]:
        """Detect animals.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB.

        Returns
        -------
        list of Instances
            One per image: boxes and their scores, best first, in pixels of the images, without keypoints.
        """
        inputs, geometry = self.prepare(images)
        found = self.model.decode(self.engine(inputs))
        return [self._select(geometry.prediction_to_image(Prediction(animals)).animals) for animals in found]

    def _select(self, found: Instances) -> Instances:
        assert found.box is not None
        assert found.box_score is not None
        confident = np.flatnonzero(found.box_score >= self.min_score)[: self.max_animals]
        return Instances.from_boxes(found.box[confident], found.box_score[confident])


def detector_device(config: DetectorConfig, device: str = "auto") -> torch.device:
    """Choose the device of a detector: the CPU instead of ``mps``, which lacks some operations of detectors.

    Raises
    ------
    DlcxError
        If the device is not available.
    """
    return choose_device({"auto": config.device, "mps": "cpu"}.get(device, device))


def create_detector(
    model: BoxDetector,
    config: DetectorConfig,
    *,
    max_animals: int,
    min_score: float = 0.0,
    device: str = "auto",
    precision: str = "fp32",
) -> AnimalDetector:
    """Create a detector, and move the network to the device.

    Parameters
    ----------
    model
        The network with its weights.
    config
        Its settings.
    max_animals, min_score
        See :class:`AnimalDetector`.
    device
        As in ``--device``; ``auto`` uses the device in the settings.  See :func:`detector_device`.
    precision
        As in ``--precision``.

    Raises
    ------
    DlcxError
        If the device or the precision is not available.
    """
    chosen = detector_device(config, device)
    run = create_engine(model, device=chosen, precision=precision)
    preprocessing = build_preprocessing(config.data.inference)
    return AnimalDetector(model, run, preprocessing, chosen, max_animals=max_animals, min_score=min_score)
