"""Every key of pytorch_config.yaml: a value that changes something, and where the change shows.

A key that is missing here and in the table of ``docs/settings.md`` fails the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import looks

from dlcx.project import Shuffle
from dlcx.settings import ModelConfig

Look = Callable[[Shuffle, ModelConfig], Any]


@dataclass(frozen=True)
class Case:
    """A value of the key, the look that tells it from the one in ``base``, and the network to look at.

    ``base`` are other keys that must be set for it, and the key itself where its usual value is none to compare with.
    """

    look: Look
    value: Any
    net: str = "bu"
    base: Mapping[str, Any] = field(default_factory=dict)


#: Steps of data.train: what must be set besides, the value to compare with, and another one.
_AFFINE = {"p": 1.0, "scaling": [0.5, 0.6], "rotation": 40, "translation": 9}
_BOX = {"shift_factor": 0.4, "shift_prob": 1.0, "scale_factor": [0.5, 0.6], "scale_prob": 1.0, "p": 1.0}
_CROP = {"width": 24, "height": 24, "max_shift": 0.4, "method": "density"}
_PAD = {"min_height": 50, "min_width": 60, "border_mode": "constant", "border_value": 9}
_RESIZE = {"height": 20, "width": 36, "keep_ratio": True}
_CUT = {"width": 48, "height": 32, "margin": 0, "crop_with_context": True}
STEPS: dict[str, tuple[dict[str, Any], Any]] = {
    "resize.height": ({"resize": _RESIZE}, 28),
    "resize.width": ({"resize": {**_RESIZE, "width": 20}}, 24),
    "resize.keep_ratio": ({"resize": _RESIZE}, False),
    "longest_max_size": ({}, 20),
    "hflip.p": ({"hflip": {"p": 0.0}}, 1.0),
    "hflip.symmetries": ({"hflip": {"p": 1.0}}, [[0, 1]]),
    "affine.p": ({"affine": _AFFINE}, 0.0),
    "affine.scaling": ({"affine": _AFFINE}, [1.4, 1.5]),
    "affine.rotation": ({"affine": _AFFINE}, 1),
    "affine.translation": ({"affine": _AFFINE}, 0),
    "random_bbox_transform.shift_factor": ({"random_bbox_transform": _BOX}, 0.01),
    "random_bbox_transform.shift_prob": ({"random_bbox_transform": _BOX}, 0.0),
    "random_bbox_transform.scale_factor": ({"random_bbox_transform": _BOX}, [1.4, 1.5]),
    "random_bbox_transform.scale_prob": ({"random_bbox_transform": _BOX}, 0.0),
    "random_bbox_transform.p": ({"random_bbox_transform": _BOX}, 0.0),
    "crop_sampling.width": ({"crop_sampling": _CROP}, 16),
    "crop_sampling.height": ({"crop_sampling": _CROP}, 16),
    "crop_sampling.max_shift": ({"crop_sampling": _CROP}, 0.0),
    "crop_sampling.method": ({"crop_sampling": _CROP}, "uniform"),
    "hist_eq": ({}, True),
    "motion_blur": ({"motion_blur": False}, True),
    "covering": ({}, True),
    "elastic_transform": ({}, True),
    "grayscale": ({}, True),
    "gaussian_noise": ({"gaussian_noise": False}, 40.0),
    "auto_padding.min_height": ({"auto_padding": _PAD}, 70),
    "auto_padding.min_width": ({"auto_padding": _PAD}, 70),
    "auto_padding.pad_height_divisor": ({"auto_padding": _PAD}, 32),
    "auto_padding.pad_width_divisor": ({"auto_padding": _PAD}, 32),
    "auto_padding.border_mode": ({"auto_padding": _PAD}, "reflect_101"),
    "auto_padding.border_value": ({"auto_padding": _PAD}, [200, 0, 0]),
    "normalize_images": ({}, False),
    "scale_to_unit_range": ({"normalize_images": False}, True),
    "top_down_crop.width": ({"top_down_crop": _CUT}, 64),
    "top_down_crop.height": ({"top_down_crop": _CUT}, 64),
    "top_down_crop.margin": ({"top_down_crop": _CUT}, 9),
    "top_down_crop.crop_with_context": ({"top_down_crop": _CUT}, False),
    "collate": ({}, {"type": "ResizeFromListCollate", "scales": [16], "max_shift": 4}),
}
_POSITION = ({"auto_padding": {**_PAD, "position": "random"}}, "center")
#: Steps that only a network for crops takes, and those that are random.
_OF_CROPS, _RANDOM = (
    ("random_bbox_transform", "top_down_crop"),
    (
        *("hflip", "affine", "random_bbox_transform", "crop_sampling", "hist_eq", "motion_blur", "covering"),
        *("elastic_transform", "grayscale", "gaussian_noise"),
    ),
)
_PLAIN = {
    "collate": None,
    "crop_sampling": None,
    "affine": None,
    "motion_blur": False,
    "gaussian_noise": None,
    "hflip": None,
}


def _steps(where: str, look: Look, of_detector: Look | None = None) -> dict[str, Case]:
    """The cases of a block of transforms, with nothing random beside the step that is looked at."""
    cases = {}
    for step, (others, value) in STEPS.items():
        first = step.partition(".")[0]
        predicted = where.endswith("inference")
        if (of_detector and first in _OF_CROPS) or (predicted and first == "collate"):
            continue  # the page lists them, or a message is all there is
        net = "td" if of_detector or first in _OF_CROPS else "bu"
        base = {} if predicted and first in _RANDOM else {**({} if predicted else _PLAIN), **others}
        cases[f"{where}.{step}"] = Case(of_detector or look, value, net, {f"{where}.{k}": v for k, v in base.items()})
    return cases


def _both(key: str, value: Any, look: Look, of_detector: Look, **base: Any) -> dict[str, Case]:
    """The case of a key of the pose network and that of the detector's."""
    inner = {f"detector.{name}": given for name, given in base.items()}
    return {key: Case(look, value, "bu", base), f"detector.{key}": Case(of_detector, value, "td", inner)}


_TRAINED = (looks.training, looks.detector_training)
_SCHEDULE = {"type": "LRListScheduler", "params": {"milestones": [5], "lr_list": [[0.1]]}}
_OTHER = {"inference.conditions": {"source": "shuffle", "shuffle": 2}}
_EITHER = {"inference.conditions": {"source": "shuffle", "shuffle": 2, "filepath": "poses.h5"}}
_FILE = {"inference.conditions": {"source": "file", "filepath": "poses.h5"}}
_MODEL = {"inference.conditions": {"source": "model", "config_path": "CONFIG", "snapshot_path": "SNAPSHOT"}}
_INIT = {"train_settings.weight_init": {"snapshot_path": "SNAPSHOT", "with_decoder": True}}

CASES: dict[str, Case] = {
    "config_version": Case(looks.layers, 1),
    "model.backbone": Case(looks.layers, {"type": "Timm", "model_name": "test_resnet", "freeze_bn_stats": True}),
    "model.heads": Case(looks.layers, {}),
    "model.neck": Case(looks.layers, {"type": "Nowhere"}),
    "net_type": Case(looks.scorer, "resnet_101"),
    "method": Case(looks.inputs, "td"),
    "device": Case(looks.device, "cuda:7"),
    "metadata.bodyparts": Case(looks.names, ["nose", "ear"]),
    "metadata.unique_bodyparts": Case(looks.names, ["corner"]),
    "metadata.individuals": Case(looks.training, ["one", "two"]),
    "metadata.with_identity": Case(looks.inference, True),
    "data.bbox_margin": Case(looks.samples, 2, "td", {"data.train.top_down_crop": _CUT}),
    "data.colormode": Case(looks.samples, "BGR"),
    **{
        f"data.gen_sampling.{key}": Case(looks.samples, value, "ctd", {"data.gen_sampling": {"jitter_prob": 0.5}})
        for key, value in {
            "keypoint_sigmas": 0.5,
            "keypoints_symmetry": [[0, 1]],
            "jitter_prob": 0.0,
            "swap_prob": 0.4,
            "inv_prob": 0.4,
            "miss_prob": 0.4,
        }.items()
    },
    **_steps("data.train", looks.samples),
    **_steps("data.inference", looks.inputs),
    **_steps("detector.data.train", looks.samples, looks.detector_samples),
    **_steps("detector.data.inference", looks.inputs, looks.detector_inputs),
    **{
        f"detector.data.{what}.random_bbox_transform.{key}": Case(look, value, "td")
        for what, look in (("train", looks.messages), ("inference", looks.detector_inputs))
        for key, value in _BOX.items()
    },
    "data.train.auto_padding.position": Case(
        looks.messages, _POSITION[1], "bu", {"data.train.auto_padding": _POSITION[0]["auto_padding"]}
    ),
    "detector.data.train.auto_padding.position": Case(looks.messages, "center", "td"),
    "data.inference.auto_padding.position": Case(looks.inference, "center"),
    "detector.data.inference.auto_padding.position": Case(looks.inference, "center", "td"),
    "data.loader": Case(looks.messages, {"type": "COCOLoader"}),
    "detector.data.colormode": Case(looks.detector_samples, "BGR", "td"),
    **_both("runner.type", "Nothing", looks.training, looks.detector_training),
    "runner.gpus": Case(looks.gpu, [0]),
    "detector.runner.gpus": Case(looks.messages, [0], "td"),
    "runner.key_metric": Case(looks.training, "test.rmse"),
    "detector.runner.key_metric": Case(looks.detector_training, "test.mAR@50", "td"),
    **_both("runner.key_metric_asc", False, *_TRAINED),
    **_both("runner.eval_interval", 3, *_TRAINED),
    **_both("runner.optimizer.type", "SGD", *_TRAINED),
    **_both("runner.optimizer.params", {"lr": 0.5}, *_TRAINED),
    **_both(
        "runner.scheduler.type", "ConstantLR", *_TRAINED, **{"runner.scheduler": {"type": "LinearLR", "params": {}}}
    ),
    **_both(
        "runner.scheduler.params",
        {"milestones": [7], "lr_list": [[0.1]]},
        *_TRAINED,
        **{"runner.scheduler": _SCHEDULE},
    ),
    **_both("runner.snapshots.max_snapshots", 2, *_TRAINED),
    **_both("runner.snapshots.save_epochs", 7, *_TRAINED),
    **_both("runner.snapshots.save_optimizer_state", True, *_TRAINED),
    **_both("runner.snapshot_prefix", "mine", *_TRAINED),
    **_both("runner.load_weights_only", False, looks.messages, looks.messages),
    **_both("train_settings.batch_size", 2, *_TRAINED),
    **_both("train_settings.dataloader_workers", 2, *_TRAINED),
    **_both("train_settings.dataloader_pin_memory", True, looks.messages, looks.messages),
    **_both("train_settings.display_iters", 7, looks.messages, looks.messages),
    **_both("train_settings.epochs", 7, *_TRAINED),
    **_both("train_settings.seed", 7, *_TRAINED),
    "train_settings.weight_init.snapshot_path": Case(looks.first_weights, "elsewhere.pt", "bu", _INIT),
    "train_settings.weight_init.detector_snapshot_path": Case(looks.first_weights, "boxes.pt", "td", _INIT),
    "train_settings.weight_init.dataset": Case(
        looks.first_weights, "superanimal_bird", "bu", {"train_settings.weight_init": {"snapshot_path": "gone.pt"}}
    ),
    "train_settings.weight_init.with_decoder": Case(looks.first_weights, False, "bu", _INIT),
    "train_settings.weight_init.memory_replay": Case(looks.first_weights, True, "bu", _INIT),
    "train_settings.weight_init.conversion_array": Case(looks.first_weights, [1, 0], "bu", _INIT),
    "train_settings.weight_init.bodyparts": Case(looks.first_weights, ["tail", "nose"], "bu", _INIT),
    **{
        f"detector.train_settings.weight_init.{key}": Case(looks.messages, value, "td")
        for key, value in {
            "snapshot_path": "a.pt",
            "detector_snapshot_path": "a.pt",
            "dataset": "superanimal_bird",
            "with_decoder": True,
            "memory_replay": True,
            "conversion_array": [0],
            "bodyparts": ["nose"],
        }.items()
    },
    **_both("inference.multithreading.enabled", False, looks.inference, looks.inference),
    **_both("inference.multithreading.queue_length", 9, looks.inference, looks.inference),
    **_both("inference.multithreading.timeout", 9, looks.inference, looks.inference),
    **_both("inference.compile.enabled", True, looks.inference, looks.inference),
    **_both("inference.compile.backend", "eager", looks.inference, looks.inference),
    **_both("inference.autocast.enabled", True, looks.inference, looks.inference),
    "inference.output_dir": Case(looks.inference, "results"),
    "inference.conditions.source": Case(looks.conditions, "file", "ctd", _EITHER),
    "inference.conditions.filepath": Case(looks.conditions, "others.h5", "ctd", _FILE),
    "inference.conditions.shuffle": Case(looks.conditions, 3, "ctd", _OTHER),
    "inference.conditions.config": Case(looks.conditions, "ELSEWHERE", "ctd", _OTHER),
    "inference.conditions.trainset_index": Case(looks.conditions, 1, "ctd", _OTHER),
    "inference.conditions.modelprefix": Case(looks.conditions, "old", "ctd", _OTHER),
    "inference.conditions.snapshot": Case(looks.conditions, "snapshot-003", "ctd", _OTHER),
    "inference.conditions.snapshot_index": Case(looks.conditions, 0, "ctd", _OTHER),
    "inference.conditions.config_path": Case(looks.conditions, "nowhere.yaml", "ctd", _MODEL),
    "inference.conditions.snapshot_path": Case(looks.conditions, "nowhere.pt", "ctd", _MODEL),
    "inference.conditions.scorer": Case(looks.conditions, "DLC", "ctd", _OTHER),
    "logger": Case(looks.logger, {"type": "WandbLogger"}),
    "with_center_keypoints": Case(looks.layers, True),
    **_both("resume_training_from", "snapshot-009.pt", *_TRAINED),
    "detector.model.type": Case(
        looks.detector_layers,
        "FasterRCNN",
        "td",
        {"detector.model": {"type": "SSDLite", "variant": "fasterrcnn_mobilenet_v3_large_fpn"}},
    ),
    "detector.model.freeze_bn_stats": Case(looks.detector_layers, False, "td"),
    "detector.model.freeze_bn_weights": Case(looks.detector_layers, True, "td"),
    "detector.model.variant": Case(
        looks.detector_layers,
        "fasterrcnn_mobilenet_v3_large_320_fpn",
        "td",
        {"detector.model": {"type": "FasterRCNN", "variant": "fasterrcnn_mobilenet_v3_large_fpn"}},
    ),
    "detector.model.box_score_thresh": Case(looks.detector_layers, 0.5, "td"),
    "detector.device": Case(looks.detector_device, "cuda:7", "td"),
}
