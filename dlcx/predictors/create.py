"""The predictor that a shuffle's method asks for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from torch import Tensor

from dlcx.engines import create_engine
from dlcx.engines.devices import choose_device
from dlcx.errors import DlcxError
from dlcx.nets.model import PoseModel
from dlcx.poses import Prediction
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.geometry import Geometry
from dlcx.predictors.prepare import build_preparation
from dlcx.settings import ModelConfig


class Predictor(Protocol):
    """Images to poses; no command asks which kind it holds."""

    def prepare(self, images: np.ndarray) -> tuple[Tensor, Geometry]:
        """Network input on the device for images (B, H, W, 3) uint8 RGB of one size, and where their pixels went."""
        ...

    def predict(self, images: np.ndarray) -> list[Prediction]:
        """Poses in pixels of the images, one prediction an image."""
        ...


def create_predictor(
    model: PoseModel, config: ModelConfig, *, device: str = "auto", precision: str = "fp32", engine: str = "torch"
) -> Predictor:
    """A predictor for ``model``, which moves to the device (``auto``: the file's ``device`` decides first).

    Raises
    ------
    DlcxError
        For a device, precision, engine or method that cannot be had.
    """
    if config.method != "bu":
        raise DlcxError(f"method: '{config.method}' nets cannot be used yet, got net_type {config.net_type}")
    chosen = choose_device(config.device if device == "auto" else device, config.net_type)
    run = create_engine(model, kind=engine, device=chosen, precision=precision)
    return BottomUp(model, run, build_preparation(config.data.inference), chosen)
