"""The predictor that a shuffle's method asks for."""

from __future__ import annotations

from pathlib import Path

from dlcx.data.build_transforms import build_cropping
from dlcx.engines import create_engine
from dlcx.engines.devices import choose_device
from dlcx.engines.onnx import Exported
from dlcx.nets.model import PoseModel
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.conditional import Conditional
from dlcx.predictors.predictor import Finder, Predictor
from dlcx.predictors.preprocessing import build_preparation
from dlcx.predictors.top_down import TopDown
from dlcx.settings import ModelConfig


def create_predictor(
    model: PoseModel,
    config: ModelConfig,
    *,
    device: str = "auto",
    precision: str = "fp32",
    engine: str = "torch",
    finder: Finder | None = None,
    exported: Path | None = None,
    frozen: bool = False,
) -> Predictor:
    """A predictor for ``model``, which moves to the device (``auto``: the file's ``device`` decides first).

    ``finder`` finds boxes or poses for nets that start from such; bottom-up nets have no use for it.  The engine
    ``onnx`` keeps the net in the file ``exported``.  ``frozen``: nobody trains the model any more, see
    :func:`dlcx.engines.torch.create_engine`.

    Raises
    ------
    DlcxError
        For a device, precision or engine that cannot be had.
    """
    chosen = choose_device(config.device if device == "auto" else device, config.net_type)
    kept = Exported(exported, any_size=config.uses_full_images)
    run = create_engine(model, kind=engine, device=chosen, precision=precision, exported=kept, frozen=frozen)
    preparation = build_preparation(config.data.inference)
    if config.uses_full_images:
        return BottomUp(model, run, preparation, chosen)
    cropping = build_cropping(config.data.inference)
    parts = len(config.metadata.bodyparts)
    if config.uses_detector:
        return TopDown(model, run, preparation, chosen, cropping=cropping, parts=parts, finder=finder)
    return Conditional(
        model, run, preparation, chosen, cropping=cropping, parts=parts, finder=finder, margin=config.data.bbox_margin
    )
