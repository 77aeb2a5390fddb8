"""``exported-models-pytorch/*/*.pt``: a net in one file, as DeepLabCut exports it and DeepLabCut-Live loads it.

::

    {"config": pytorch_config.yaml as plain values,
     "pose": OrderedDict of tensors,
     "detector": OrderedDict of tensors}     only of a top-down net with a detector

Format: DeepLabCut 3.0.2 and DeepLabCut-Live 1.1, which loads it with ``weights_only=True`` and knows fewer kinds of
layers than DeepLabCut; its detectors take no key without a value.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.formats.weights.snapshot import load_tensors
from dlcx.formats.weights.tensor_checks import check_plain
from dlcx.outputs import atomic_file

#: What DeepLabCut-Live 1.1 can build, by the word before ``type`` in pytorch_config.yaml.
KNOWN = {
    "backbone": ("CSPNeXt", "DLCRNet", "HRNet", "ResNet"),
    "neck": ("Transformer",),
    "head": ("DEKRHead", "DLCRNetHead", "HeatmapHead", "RTMCCHead", "TransformerHead"),
    "predictor": ("DEKRPredictor", "HeatmapPredictor", "PartAffinityFieldPredictor", "SimCCPredictor"),
    "detector": ("FasterRCNN", "SSDLite"),
}


@dataclass(frozen=True)
class LiveModel:
    """The content of such a file; ``left_out`` names heads that DeepLabCut-Live cannot build."""

    config: Mapping[str, Any]
    pose: Mapping[str, Tensor]
    detector: Mapping[str, Tensor] | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, config: Mapping[str, Any], pose: Mapping[str, Tensor], detector: Mapping[str, Tensor] | None
    ) -> LiveModel:
        """What DeepLabCut-Live can use of a net: without paths of this machine, and heads that it does not know.

        Raises
        ------
        DlcxError
            When it cannot build the net.
        """
        kept = _without_paths(copy.deepcopy(dict(config)))
        _check_known(kept)
        heads = kept["model"]["heads"]
        left_out = tuple(name for name, head in heads.items() if head["predictor"]["type"] not in KNOWN["predictor"])
        if "bodypart" in left_out:
            raise DlcxError(f"DeepLabCut-Live cannot decode {heads['bodypart']['predictor']['type']}")
        kept["model"]["heads"] = {name: head for name, head in heads.items() if name not in left_out}
        used = {
            name: tensor for name, tensor in pose.items() if not name.startswith(tuple(f"heads.{n}." for n in left_out))
        }
        return cls(kept, used, detector, left_out)


def _without_paths(config: dict[str, Any]) -> dict[str, Any]:
    config["metadata"] |= {"project_path": None, "pose_config_path": None}
    for part in (config, config.get("detector")):
        if part:
            part["resume_training_from"] = None
            part["train_settings"]["weight_init"] = None
    if block := config.get("detector"):
        block["model"] = {key: value for key, value in block["model"].items() if value is not None}
    return config


def _check_known(config: Mapping[str, Any]) -> None:
    """Whether DeepLabCut-Live has all layers.

    Raises
    ------
    DlcxError
        Names what it has not.
    """
    model = config["model"]
    kinds = [("backbone", model["backbone"]["type"])]
    kinds += [("neck", model["neck"]["type"])] if model.get("neck") else []
    kinds += [("head", head["type"]) for head in model["heads"].values()]
    kinds += [("detector", config["detector"]["model"]["type"])] if config.get("detector") else []
    for word, kind in kinds:
        if kind not in KNOWN[word]:
            raise DlcxError(
                f"DeepLabCut-Live has no {word} {kind}, which {config['net_type']} is made of",
                hint="Export it to ONNX: --format onnx.",
            )


def write_live_model(model: LiveModel, path: Path) -> None:
    """Write the file, whole or not at all.

    Raises
    ------
    DlcxError
        When it cannot be written.
    """
    content: dict[str, Any] = {"config": dict(model.config), "pose": OrderedDict(model.pose)}
    if model.detector is not None:
        content["detector"] = OrderedDict(model.detector)
    with atomic_file(path) as beside:
        torch.save(content, beside)


def read_live_model(path: Path) -> LiveModel:
    """Read what DeepLabCut or dlcx has exported.

    Raises
    ------
    DlcxError
        When the file is missing, broken, or holds something else.
    """
    content = load_tensors(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("config", "pose")):
        raise DlcxError(f"{path}: expected a net that was exported, a dictionary with the keys 'config' and 'pose'")
    for part in ("pose", "detector"):
        check_plain(content.get(part) or {}, str(path))
    return LiveModel(content["config"], content["pose"], content.get("detector"))


def same(one: LiveModel, other: LiveModel) -> bool:
    """Whether two of them hold the same settings and numbers."""
    pairs = [(one.pose, other.pose), (one.detector or {}, other.detector or {})]
    return one.config == other.config and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in pairs
    )
