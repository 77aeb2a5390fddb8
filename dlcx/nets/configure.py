"""Configuration of a network in a project: the content of pytorch_config.yaml.

It merges common values, the data preset of the network's method, and the network's own values. The result is a plain
dictionary in DeepLabCut 3.0.2's schema, equal to what DeepLabCut writes for the networks it supports.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError
from dlcx.nets.blocks import runner
from dlcx.nets.registry import Block, Method, NetContext, find, find_detector

if TYPE_CHECKING:
    from dlcx.poses import Layout

_AFFINE: Block = {"p": 0.5, "rotation": 30, "scaling": [1.0, 1.0], "translation": 0}

BASE: Block = {
    "config_version": 0,
    "device": "auto",
    "data": {"bbox_margin": 20, "colormode": "RGB"},
    "runner": {
        "type": "PoseTrainingRunner",
        "key_metric": "test.mAP",
        "key_metric_asc": True,
        "eval_interval": 10,
        **runner(1e-4, [160, 190], [1e-5, 1e-6]),
        "snapshots": {"max_snapshots": 5, "save_epochs": 25, "save_optimizer_state": False},
    },
    "train_settings": {
        "batch_size": 8,
        "dataloader_workers": 0,
        "dataloader_pin_memory": False,
        "display_iters": 500,
        "epochs": 200,
        "seed": 42,
    },
    "with_center_keypoints": False,
}

_CROPS: Block = {
    "inference": {"normalize_images": True, "top_down_crop": {"width": 256, "height": 256}},
    "train": {
        "affine": _AFFINE,
        "gaussian_noise": 12.75,
        "motion_blur": True,
        "normalize_images": True,
        "top_down_crop": {"width": 256, "height": 256},
    },
}


@dataclass(frozen=True)
class _MethodPreset:
    """What all networks of a method have in common: ``data`` and whether they need a detector or find unique parts."""

    data: Block
    needs_detector: bool = False
    finds_unique: bool = False


_FULL_IMAGES: Block = {
    "inference": {"normalize_images": True},
    "train": {
        "affine": {**_AFFINE, "scaling": [0.5, 1.25]},
        "crop_sampling": {"width": 448, "height": 448, "max_shift": 0.1, "method": "hybrid"},
        "gaussian_noise": 12.75,
        "motion_blur": True,
        "normalize_images": True,
    },
}

METHODS: dict[Method, _MethodPreset] = {
    "bu": _MethodPreset(_FULL_IMAGES, finds_unique=True),
    "td": _MethodPreset(_CROPS, needs_detector=True),
    "ctd": _MethodPreset(_CROPS),
}

DEFAULT_DETECTOR = "ssdlite"
#: Common values of all detectors.
DETECTOR: Block = {
    "model": {"freeze_bn_stats": True, "freeze_bn_weights": False, "box_score_thresh": 0.01},
    "device": "auto",
    "data": {
        "colormode": "RGB",
        "inference": {"normalize_images": True},
        "train": {
            "hflip": True,
            "affine": {**_AFFINE, "translation": 40},
            "collate": {
                "type": "ResizeFromDataSizeCollate",
                "min_scale": 0.4,
                "max_scale": 1.0,
                "min_short_side": 128,
                "max_short_side": 1152,
                "multiple_of": 32,
                "to_square": False,
            },
            "normalize_images": True,
        },
    },
    "runner": {
        **BASE["runner"],
        "type": "DetectorTrainingRunner",
        "key_metric": "test.mAP@50:95",
        **runner(1e-4, [160], [1e-5]),
        # in DeepLabCut's order of keys
        "scheduler": {"type": "LRListScheduler", "params": {"milestones": [160], "lr_list": [[1e-5]]}},
    },
    "train_settings": {**BASE["train_settings"], "batch_size": 1, "epochs": 250},
}


def model_config(
    net_type: str,
    layout: Layout,
    *,
    identity: bool = False,
    detector: str | None = None,
    conditions: Block | None = None,
    project_path: str | Path | None = None,
    pose_config_path: str | Path | None = None,
) -> Block:
    """Return the configuration of a network for a project.

    Parameters
    ----------
    net_type
        Name of the network, as in ``--net-type``.
    layout
        Bodyparts, unique bodyparts and individuals of the project.
    identity
        Add an identity head, if the network supports one.
    detector
        Name of the detector of a top-down network, by default ssdlite.
    conditions
        Source of the initial poses of a conditional network: :func:`conditions_of_shuffle` or
        :func:`conditions_of_file`.
    project_path, pose_config_path
        Paths that the file records.

    Returns
    -------
    dict
        The content of pytorch_config.yaml; unset keys are left out.

    Raises
    ------
    DlcxError
        If the network or the detector is unknown or does not fit the project.

    Examples
    --------
    >>> from dlcx.poses import Layout
    >>> model_config("resnet_50", Layout(("nose", "tail")))["method"]
    'bu'
    """
    spec = find(net_type)
    preset = METHODS[spec.method]
    if layout.unique and not preset.finds_unique:
        raise DlcxError(f"--net-type {net_type}: only bottom-up networks find unique bodyparts, which this project has")
    context = NetContext(layout, identity)
    config = merge(merge(BASE, {"data": preset.data}), spec.configure(spec.name, context))
    if preset.needs_detector:
        config["detector"] = detector_config(detector or DEFAULT_DETECTOR, context)
    elif detector is not None:
        raise DlcxError(f"--detector {detector}: {net_type} is not a top-down network and needs no detector")
    if conditions is not None:
        config = merge(config, {"inference": {"conditions": conditions}})
    metadata = {
        "project_path": None if project_path is None else str(project_path),
        "pose_config_path": None if pose_config_path is None else str(pose_config_path),
        "bodyparts": list(layout.bodyparts),
        "unique_bodyparts": list(layout.unique),
        "individuals": list(layout.individuals),
        "with_identity": identity,
    }
    return {**config, "net_type": spec.net_type, "method": spec.method, "metadata": metadata}


def detector_config(name: str, context: NetContext) -> Block:
    """Return the block ``detector`` of a top-down network's configuration.

    Raises
    ------
    DlcxError
        If the detector is unknown.
    """
    spec = find_detector(name)
    result: Block = merge(DETECTOR, spec.configure(spec.name, context))
    return result


def conditions_of_shuffle(number: int, snapshot: str | None = None, trainset_index: int = 0) -> Block:
    """Return ``inference.conditions`` for poses predicted by another shuffle; ``snapshot`` is a file name."""
    return {
        "source": "shuffle",
        "shuffle": number,
        "config": None,
        "trainset_index": trainset_index,
        "modelprefix": "",
        "snapshot": snapshot,
        "snapshot_index": None,
    }


def conditions_of_file(path: str | Path) -> Block:
    """Return ``inference.conditions`` for a predictions file."""
    return {"source": "file", "filepath": str(path)}


def merge(base: Any, override: Any) -> Any:
    """Merge two configurations recursively, without sharing any object with them.

    Values of ``override`` win. Lists are replaced, and so is an optimizer or scheduler of another ``type``.
    """
    if not (isinstance(base, dict) and isinstance(override, dict)):
        return deepcopy(override)
    merged = deepcopy(base)
    for key, value in override.items():
        replaced = (
            key in ("optimizer", "scheduler")
            and isinstance(value, dict)
            and value.get("type") != (merged.get(key) or {}).get("type")
        )
        merged[key] = merge(merged[key], value) if key in merged and not replaced else deepcopy(value)
    return merged
