"""``exported-models-pytorch/*/*.pt``: a network in one file for DeepLabCut-Live.

::

    {"config": pytorch_config.yaml as plain values,
     "pose": OrderedDict of tensors,
     "detector": OrderedDict of tensors}     only for top-down networks with a detector

Format: DeepLabCut 3.0.2 and DeepLabCut-Live 1.1, which loads it with ``weights_only=True``.  DeepLabCut-Live supports
fewer types of layers than DeepLabCut, and its detectors accept no keys that are null.
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

#: Types that DeepLabCut-Live 1.1 supports, by kind of layer.
SUPPORTED = {
    "backbone": ("CSPNeXt", "DLCRNet", "HRNet", "ResNet"),
    "neck": ("Transformer",),
    "head": ("DEKRHead", "DLCRNetHead", "HeatmapHead", "RTMCCHead", "TransformerHead"),
    "predictor": ("DEKRPredictor", "HeatmapPredictor", "PartAffinityFieldPredictor", "SimCCPredictor"),
    "detector": ("FasterRCNN", "SSDLite"),
}


@dataclass(frozen=True)
class LiveModel:
    """The content of an exported model.

    Attributes
    ----------
    config
        pytorch_config.yaml as plain values.
    pose, detector
        State dicts of the network and of the detector, if it has one.
    left_out
        Names of the heads that were left out, because DeepLabCut-Live cannot decode them.
    """

    config: Mapping[str, Any]
    pose: Mapping[str, Tensor]
    detector: Mapping[str, Tensor] | None = None
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, config: Mapping[str, Any], pose: Mapping[str, Tensor], detector: Mapping[str, Tensor] | None
    ) -> LiveModel:
        """Select what DeepLabCut-Live can use of a network, without paths of this computer.

        Parameters
        ----------
        config
            pytorch_config.yaml as plain values.
        pose, detector
            State dicts of the network and of the detector, if it has one.

        Raises
        ------
        DlcxError
            If DeepLabCut-Live does not support the network.
        """
        kept = _without_paths(copy.deepcopy(dict(config)))
        _check_supported(kept)
        heads = kept["model"]["heads"]
        left_out = tuple(
            name for name, head in heads.items() if head["predictor"]["type"] not in SUPPORTED["predictor"]
        )
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


def _check_supported(config: Mapping[str, Any]) -> None:
    """Check that DeepLabCut-Live supports all layers.

    Raises
    ------
    DlcxError
        If it lacks one.
    """
    model = config["model"]
    kinds = [("backbone", model["backbone"]["type"])]
    kinds += [("neck", model["neck"]["type"])] if model.get("neck") else []
    kinds += [("head", head["type"]) for head in model["heads"].values()]
    kinds += [("detector", config["detector"]["model"]["type"])] if config.get("detector") else []
    for word, kind in kinds:
        if kind not in SUPPORTED[word]:
            raise DlcxError(
                f"DeepLabCut-Live does not support the {word} {kind} of {config['net_type']}",
                hint="Export it to ONNX: --format onnx.",
            )


def write_live_model(model: LiveModel, path: Path) -> None:
    """Write an exported model completely or not at all.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    content: dict[str, Any] = {"config": dict(model.config), "pose": OrderedDict(model.pose)}
    if model.detector is not None:
        content["detector"] = OrderedDict(model.detector)
    with atomic_file(path) as temporary:
        torch.save(content, temporary)


def read_live_model(path: Path) -> LiveModel:
    """Read a model that DeepLabCut or dlcx exported.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, or not an exported model.
    """
    content = load_tensors(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), dict) for key in ("config", "pose")):
        raise DlcxError(f"{path}: expected an exported model, a dictionary with the keys 'config' and 'pose'")
    for part in ("pose", "detector"):
        check_plain(content.get(part) or {}, str(path))
    return LiveModel(content["config"], content["pose"], content.get("detector"))


def same(one: LiveModel, other: LiveModel) -> bool:
    """Return whether two exported models have the same configuration and weights."""
    pairs = [(one.pose, other.pose), (one.detector or {}, other.detector or {})]
    return one.config == other.config and all(
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a) for a, b in pairs
    )
