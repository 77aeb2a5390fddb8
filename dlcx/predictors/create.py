"""Create the predictor of a network."""

from __future__ import annotations

from pathlib import Path

from dlcx.data.build_transforms import build_cropping
from dlcx.engines import create_engine
from dlcx.engines.devices import choose_device
from dlcx.engines.onnx import Exported
from dlcx.nets.model import PoseModel
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.conditional import Conditional
from dlcx.predictors.predictor import ConditionDetector, Predictor
from dlcx.predictors.preprocessing import build_preprocessing
from dlcx.predictors.top_down import TopDown
from dlcx.settings import ModelConfig


def create_predictor(
    model: PoseModel,
    config: ModelConfig,
    *,
    device: str = "auto",
    precision: str = "fp32",
    engine: str = "torch",
    detector: ConditionDetector | None = None,
    exported: Path | None = None,
    frozen: bool = False,
) -> Predictor:
    """Create the predictor of a network, and move the network to the device.

    Parameters
    ----------
    model
        The network with its weights.
    config
        Its settings.
    device
        As in ``--device``; ``auto`` uses the device in the settings.
    precision, engine
        As in ``--precision`` and ``--engine``.
    detector
        Detects boxes for a top-down network or poses for a conditional one; bottom-up networks ignore it.
    exported
        File in which the engine ``onnx`` keeps the network.
    frozen
        The weights will not change; see :func:`dlcx.engines.torch.create_engine`.

    Returns
    -------
    Predictor
        A bottom-up, top-down or conditional predictor.

    Raises
    ------
    DlcxError
        If the device, the precision or the engine is not available.

    Examples
    --------
    >>> predictor = create_predictor(model, config, device="cpu")  # doctest: +SKIP
    >>> predictor.predict(images)[0].animals.xy  # doctest: +SKIP
    """
    chosen = choose_device(config.device if device == "auto" else device, config.net_type)
    export = Exported(exported, any_size=config.uses_full_images)
    run = create_engine(model, kind=engine, device=chosen, precision=precision, exported=export, frozen=frozen)
    preprocessing = build_preprocessing(config.data.inference)
    if config.uses_full_images:
        return BottomUp(model, run, preprocessing, chosen)
    cropping, bodyparts = build_cropping(config.data.inference), len(config.metadata.bodyparts)
    if config.uses_detector:
        return TopDown(model, run, preprocessing, chosen, cropping=cropping, bodyparts=bodyparts, detector=detector)
    return Conditional(
        model,
        run,
        preprocessing,
        chosen,
        cropping=cropping,
        bodyparts=bodyparts,
        detector=detector,
        margin=config.data.bbox_margin,
    )
