"""From pytorch_config.yaml to layers: the only place that unpacks it for a net."""

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
from dlcx.settings import Detector, ModelConfig


def build_model(config: ModelConfig, *, from_scratch: bool = False) -> PoseModel:
    """The net of a shuffle with weights as its layers draw them; nothing is downloaded.

    ``from_scratch`` says that it is to learn from these weights: then batch norms learn that the file freezes, because
    random layers have no statistics worth keeping.

    Raises
    ------
    DlcxError
        When a type or key of ``model`` is unknown or does not fit the rest; names its place in the file.
    """
    with _as_errors_of("model"):
        return _model(config, from_scratch=from_scratch)


@contextmanager
def _as_errors_of(where: str) -> Iterator[None]:
    """Numbers that no layer can have fail wherever torch or timm meet them; those are errors of the file."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise DlcxError(f"{where}: its layers cannot be made: {reason}") from error


def _model(config: ModelConfig, *, from_scratch: bool) -> PoseModel:
    block = dict(config.model.backbone)
    freeze = {key: bool(block.pop(key, True)) and not from_scratch for key in ("freeze_bn_stats", "freeze_bn_weights")}
    block.pop("pretrained", None)  # where first weights come from is not part of the net (dlcx.nets.weights)
    backbone: nn.Module = build_from_config(block, backbone_types(), "model.backbone")
    facts = cast(Backbone, backbone)
    expected = config.model.backbone_output_channels
    if expected is not None and expected != facts.channels:
        raise DlcxError(
            f"model.backbone_output_channels: the backbone gives {facts.channels}, the file says {expected}"
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


def build_detector(config: Detector, *, from_scratch: bool = False) -> BoxDetector:
    """The detector of a shuffle with weights as its layers draw them; nothing is downloaded.

    ``from_scratch`` says that it is to learn from these weights: then layers learn that otherwise stay as they are.

    Raises
    ------
    DlcxError
        When a type or key of ``detector.model`` is unknown; names its place in the file.
    """
    with _as_errors_of("detector.model"):
        return build_from_config(
            config.model.model_dump(), detector_types(), "detector.model", from_scratch=from_scratch
        )
