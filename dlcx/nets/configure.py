"""What pytorch_config.yaml says for a net in a project: common values, the data preset of its method, the net's own.

The result is a plain dictionary in DeepLabCut 3.0.2's schema, equal to what DeepLabCut writes for the names it knows.
Later dictionaries win, key by key; lists replace; an optimizer or scheduler of another ``type`` replaces the block.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError
from dlcx.nets.blocks import runner
from dlcx.nets.registry import Block, Request, find, find_detector

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

#: What happens to images, by method.
DATA: dict[str, Block] = {
    "bu": {
        "inference": {"normalize_images": True},
        "train": {
            "affine": {**_AFFINE, "scaling": [0.5, 1.25]},
            "crop_sampling": {"width": 448, "height": 448, "max_shift": 0.1, "method": "hybrid"},
            "gaussian_noise": 12.75,
            "motion_blur": True,
            "normalize_images": True,
        },
    },
    "td": _CROPS,
    "ctd": _CROPS,
}

DEFAULT_DETECTOR = "ssdlite"
#: What all detectors have in common.
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
        # the order of keys in which DeepLabCut writes it
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
    """The configuration of ``net_type`` for a project's names; keys that stay unset are left out.

    ``detector`` names what finds the animals for a top-down net (ssdlite, if None); other nets have none.
    ``conditions`` say where a conditional net finds the poses that it corrects: :func:`conditions_of_shuffle` or
    :func:`conditions_of_file`.

    Raises
    ------
    DlcxError
        For an unknown net, or one that does not fit the project.
    """
    spec = find(net_type)
    if layout.unique and spec.method != "bu":
        raise DlcxError(f"--net-type {net_type}: the project has unique bodyparts, which only bottom-up nets find")
    request = Request(layout, identity)
    config = merge(merge(BASE, {"data": DATA[spec.method]}), spec.configure(spec.name, request))
    if spec.method == "td":
        config["detector"] = detector_config(detector or DEFAULT_DETECTOR, request)
    elif detector is not None:
        raise DlcxError(f"--detector {detector}: {net_type} is not a top-down net, so nothing has to be found for it")
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


def detector_config(name: str, request: Request) -> Block:
    """The block ``detector`` of a top-down net's configuration.

    Raises
    ------
    DlcxError
        For an unknown detector.
    """
    spec = find_detector(name)
    return merge(DETECTOR, spec.configure(spec.name, request))


def conditions_of_shuffle(number: int, snapshot: str | None = None, trainset_index: int = 0) -> Block:
    """``inference.conditions``: the poses that the net of another shuffle finds; ``snapshot`` is a file's name."""
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
    """``inference.conditions``: poses that were predicted before."""
    return {"source": "file", "filepath": str(path)}


def merge(below: Any, above: Any) -> Any:
    """``above`` over ``below``, mapping by mapping; nothing is shared with either."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return deepcopy(above)
    merged = deepcopy(below)
    for key, value in above.items():
        replaced = (
            key in ("optimizer", "scheduler")
            and isinstance(value, dict)
            and value.get("type") != (merged.get(key) or {}).get("type")
        )
        merged[key] = merge(merged[key], value) if key in merged and not replaced else deepcopy(value)
    return merged
