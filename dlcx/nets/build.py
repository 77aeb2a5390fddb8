"""Build networks from pytorch_config.yaml; the only place that unpacks the file for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from torch import nn

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.protocol import HeadContext
from dlcx.nets.detectors.model import BoxDetector
from dlcx.nets.model import Backbone, PoseModel
from dlcx.nets.registry import backbone_types, detector_types, head_types, neck_types
from dlcx.settings import DetectorConfig, ModelConfig


def build_model(config: ModelConfig, *, from_scratch: bool = False) -> PoseModel:
    """Build the network of a shuffle with random weights, without downloads.

    Parameters
    ----------
    config
        The settings of pytorch_config.yaml.
    from_scratch
        The network will be trained from these weights. Batch norms are then trained even if the file freezes them,
        because random layers have no statistics worth keeping.

    Returns
    -------
    PoseModel
        In training mode, on the CPU.

    Raises
    ------
    DlcxError
        If a type or key of ``model`` is unknown or does not agree with the others; the message names its place in the
        file.
    """
    with _config_errors("model"):
        return _model(config, from_scratch=from_scratch)


@contextmanager
def _config_errors(where: str) -> Iterator[None]:
    """Report errors of torch and timm about impossible layers as errors of the file."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DlcxError(f"{where}: the layers cannot be built: {reason}") from error


def _model(config: ModelConfig, *, from_scratch: bool) -> PoseModel:
    block = dict(config.model.backbone)
    freeze = {key: bool(block.pop(key, True)) and not from_scratch for key in ("freeze_bn_stats", "freeze_bn_weights")}
    block.pop("pretrained", None)  # initial weights are loaded by dlcx.nets.weights
    backbone: nn.Module = build_from_config(block, backbone_types(), "model.backbone")
    facts = cast(Backbone, backbone)
    expected = config.model.backbone_output_channels
    if expected is not None and expected != facts.channels:
        raise DlcxError(
            f"model.backbone_output_channels: the backbone has {facts.channels} channels, the file says {expected}"
        )
    neck = build_from_config(config.model.neck, neck_types(), "model.neck") if config.model.neck else None
    heads = {}
    for name, head in config.model.heads.items():
        where = f"model.heads.{name}"
        context = HeadContext(channels=facts.channels, stride=facts.stride, where=where)
        heads[name] = build_from_config(head, head_types(), where, context=context)
    if "bodypart" not in heads:
        raise DlcxError(f"model.heads: expected a head 'bodypart', got {', '.join(heads)}")
    return PoseModel(backbone, heads, neck=neck, centers=config.with_center_keypoints, **freeze)


def build_detector(config: DetectorConfig, *, from_scratch: bool = False) -> BoxDetector:
    """Build the detector of a shuffle with random weights, without downloads.

    Parameters
    ----------
    config
        The block ``detector`` of pytorch_config.yaml.
    from_scratch
        The detector will be trained from these weights, so that no layer is frozen.

    Raises
    ------
    DlcxError
        If a type or key of ``detector.model`` is unknown; the message names its place in the file.
    """
    with _config_errors("detector.model"):
        result: BoxDetector = build_from_config(
            config.model.model_dump(), detector_types(), "detector.model", from_scratch=from_scratch
        )
        return result
