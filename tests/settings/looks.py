"""What of the program shows the effect of a key of pytorch_config.yaml, as plain values that can be compared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlcx.analysis.conditions import chosen_conditions
from dlcx.analysis.network_loading import configured_engine, configured_precision
from dlcx.data.build_transforms import build_augmentation
from dlcx.nets.build import build_detector, build_model
from dlcx.nets.weights import _weight_init
from dlcx.options.commands.train import TrainOptions
from dlcx.poses import Instances
from dlcx.predictors import create_predictor
from dlcx.predictors.detector import create_detector
from dlcx.predictors.preprocessing import build_preprocessing, build_scaling
from dlcx.project import Shuffle, Snapshot
from dlcx.settings import DlcxConfig, ModelConfig
from dlcx.settings.ignored_keys import IN_PREDICTIONS, IN_TRAINING, warn_ignored_keys
from dlcx.training.detector_stage import detector_stage
from dlcx.training.gpus import choose_gpu
from dlcx.training.loggers import chosen_logger
from dlcx.training.pose_stage import _samples, pose_stage
from dlcx.training.process_group import ProcessGroup
from dlcx.training.resizing import build_resizing
from dlcx.training.samples import FullImages
from dlcx.training.stage import TrainingStage, _images
from dlcx.workflow.train import _configured

IMAGES = np.random.default_rng(1).integers(0, 255, (1, 30, 40, 3), np.uint8)
BOX = Instances(np.zeros((1, 0, 2)), np.zeros((1, 0)), box=np.array([[5.0, 4.0, 20.0, 12.0]]), box_score=np.ones(1))


def digest(*values: Any) -> str:
    """Few characters that differ when any of the values does."""
    seen = hashlib.sha256()
    for value in values:
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        seen.update(array.tobytes() if isinstance(array, np.ndarray) else repr(array).encode())
    return seen.hexdigest()[:12]


def samples(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the pose network learns from."""
    return _drawn(_samples(_images(place, config.data.train)[0], config), config.data.train, "data.train.collate")


def detector_samples(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the detector learns from."""
    transforms = config.detector.data.train
    images = _images(place, transforms)[0]
    drawn = FullImages(images, build_augmentation(transforms, keypoints=False), margin=config.data.bbox_margin)
    return _drawn(drawn, transforms, "detector.data.train.collate")


def _drawn(source: Any, transforms: Any, where: str) -> list[Any]:
    found = [source.sample(index, np.random.default_rng(seed)) for seed in range(6) for index in range(len(source))]
    seen = [(one.image, one.keypoints, one.unique, one.area, one.boxes, one.condition) for one in found]
    scaled = build_scaling(transforms).scale_images(IMAGES, "cpu")
    return [
        digest(*(part for one in seen for part in one)),
        digest(scaled),
        repr(build_resizing(transforms.collate, where)),
    ]


def training(place: Shuffle, config: ModelConfig) -> dict[str, Any]:
    """How the pose network is trained."""
    return _trained(pose_stage(place, config, DlcxConfig(weights="none")))


def detector_training(place: Shuffle, config: ModelConfig) -> dict[str, Any]:
    """How the detector is trained; its layers are replaced by one that is built in no time."""
    part = detector_stage(place, config, DlcxConfig(weights="none"))
    assert part is not None
    return _trained(part)


def _trained(part: TrainingStage) -> dict[str, Any]:
    made = part.training(
        part.schedule(early_stop=None, precision="fp32", compiled=False), ProcessGroup(), device="cpu", workers=None
    )
    groups = [{k: v for k, v in group.items() if k != "params"} for group in made.optimizer.param_groups]
    checkpointer = {name: value for name, value in vars(made.outputs.checkpointer).items() if name != "_shuffle"}
    return {
        "schedule": made.schedule,
        "optimizer": [type(made.optimizer), groups],
        "scheduler": [type(made.scheduler), made.scheduler and {**made.scheduler.state_dict(), "optimizer": None}],
        "checkpointer": checkpointer,
        "order": [made.batches.order(epoch) for epoch in range(1, 6)],
        "workers": made.batches._workers,
        "pin": made.batches._pin,
        "weights": digest(*made.model.state_dict().values()),
        "resumed from": part.resume_from,
        "prefix": part.prefix,
        "judged": sorted(f"{k}={v!r}" for k, v in vars(made.evaluate).items() if isinstance(v, int | float | bool)),
    }


def layers(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the pose network is made of."""
    model = build_model(config)
    grads = [value.requires_grad for value in model.parameters()]
    return [str(model), grads, model.freeze_bn_stats, model.centers, sorted(model.heads), model.train().training]


def detector_layers(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the detector is made of."""
    with torch.device("meta"):
        model = build_detector(config.detector)
    grads = sum(value.requires_grad for value in model.parameters())
    return [
        str(model),
        grads,
        sum(one.training for one in model.train().modules()),
        vars(model.model).get("score_thresh"),
    ]


def inputs(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the pose network gets of an image."""
    predictor = create_predictor(build_model(config), config, device="cpu")
    guesses = None if config.method == "bu" else [BOX]
    rows = predictor.inputs(IMAGES, guesses)
    return [tuple(rows.tensors[0].shape), digest(*rows.tensors)]


def detector_inputs(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What the detector gets of an image."""
    pixels, _ = build_preprocessing(config.detector.data.inference)(IMAGES, "cpu")
    return [tuple(pixels.shape), digest(pixels)]


def detector_device(place: Shuffle, config: ModelConfig) -> str:
    """Where the detector runs."""
    return str(create_detector(build_detector(config.detector), config.detector, max_animals=1).device)


def inference(place: Shuffle, config: ModelConfig) -> list[Any]:
    """How networks run; warns like the loading of a network."""
    warn_ignored_keys(config, place.model_config_path, IN_PREDICTIONS)
    both = (config, config.detector) if config.detector else (config,)
    return [configured_engine(config), [configured_precision(one, "cpu") for one in both]]


def messages(place: Shuffle, config: ModelConfig) -> None:
    """What a training warns of."""
    warn_ignored_keys(config, place.model_config_path, IN_TRAINING)


def gpu(place: Shuffle, config: ModelConfig) -> str:
    """On which device a training runs."""
    return choose_gpu("auto", config, single_process=True)


def scorer(place: Shuffle, config: ModelConfig) -> str:
    """The names of result files."""
    return place.scorer(config.net_type, Snapshot.of(Path("snapshot-003.pt")))


def device(place: Shuffle, config: ModelConfig) -> str:
    """On which device the pose network runs."""
    return str(create_predictor(build_model(config), config).device)


def logger(place: Shuffle, config: ModelConfig) -> str:
    """Who is told the numbers of a training."""
    return chosen_logger(None, config.logger)


def names(place: Shuffle, config: ModelConfig) -> None:
    """Whether the names are the project's."""
    _configured(place, config, TrainOptions())


def first_weights(place: Shuffle, config: ModelConfig) -> list[Any]:
    """What training starts from, with --weights weight_init."""
    own = DlcxConfig(weights="weight_init")
    found = _weight_init(config)
    part = detector_stage(place, config, own)
    return [found.label, found.numbers, found.heads, part and part.weights]


def conditions(place: Shuffle, config: ModelConfig) -> tuple[str, Path | None]:
    """Where a conditional network finds the poses that it corrects."""
    warn_ignored_keys(config, place.model_config_path, IN_PREDICTIONS)
    found = chosen_conditions(place, config)
    assert found is not None
    return found.title, getattr(getattr(found, "snapshot", None), "path", None)
