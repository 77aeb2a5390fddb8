"""Keys of DeepLabCut's files that dlcx ignores: a command that reads one warns and names the alternative.

``docs/settings.md`` lists the keys that DeepLabCut 3.0.2 ignores as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlcx.settings.base import Settings
from dlcx.settings.model import WeightInit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IgnoredKey:
    """A key that dlcx ignores.

    Attributes
    ----------
    key
        Path of the key.
    is_set
        Returns whether a value asks for something that dlcx does not do; it gets the value and the complete file.
    instead
        What dlcx does instead, or how to achieve the same.
    """

    key: str
    is_set: Callable[[Any, Mapping[str, Any]], bool]
    instead: str


def _not(*usual: Any) -> Callable[[Any, Mapping[str, Any]], bool]:
    return lambda value, _: value not in usual


def _is_another_head(value: Any, data: Mapping[str, Any]) -> bool:
    """Return whether ``metadata.with_identity`` contradicts the heads of the network."""
    return value is not None and value != ("identity" in data["model"]["heads"])


def _both(*settings: IgnoredKey) -> tuple[IgnoredKey, ...]:
    """Return the given keys of a pose network and the same keys of a detector."""
    return (*settings, *(IgnoredKey(f"detector.{one.key}", one.is_set, one.instead) for one in settings))


_PADDING = "dlcx adds the padding at the right and at the bottom"
_READING = "frames are always read ahead of the network, and --batch-size says how many at a time"

#: Keys of config.yaml for create-dataset.
IN_DATASETS = (
    IgnoredKey("engine", _not("pytorch"), "dlcx makes datasets and networks for PyTorch only"),
    IgnoredKey(
        "default_augmenter",
        _not(None, "", "default", "albumentations"),
        "augmentation is data.train of pytorch_config.yaml, which --set data.train.KEY=VALUE changes",
    ),
)

#: Keys of pytorch_config.yaml for training.
IN_TRAINING = (
    IgnoredKey(
        "data.loader",
        _not(None),
        "dlcx trains on the images of the shuffle; dlcx import-labels takes labels of other programs",
    ),
    *_both(
        IgnoredKey("data.train.auto_padding.position", _not("random"), _PADDING),
        IgnoredKey(
            "runner.load_weights_only", _not(None, True), "dlcx never runs code of a snapshot, so it loads only weights"
        ),
        IgnoredKey(
            "train_settings.dataloader_pin_memory", _not(False), "memory is pinned whenever a GPU trains, and only then"
        ),
        IgnoredKey("train_settings.display_iters", _not(500), "progress is shown continuously; --progress chooses how"),
    ),
    IgnoredKey(
        "detector.runner.gpus", _not(None), "the detector trains on the device of the network: --device or runner.gpus"
    ),
    IgnoredKey(
        "detector.data.train.random_bbox_transform",
        _not(None),
        "detectors learn the boxes around the labels as they are",
    ),
    *(
        IgnoredKey(
            f"detector.train_settings.weight_init.{key}", _not(None, False), "--detector-weights PATH names the weights"
        )
        for key in WeightInit.model_fields
    ),
)

#: Keys of pytorch_config.yaml for prediction.
IN_PREDICTIONS = (
    *_both(
        IgnoredKey("inference.multithreading.enabled", _not(True), _READING),
        IgnoredKey("inference.multithreading.queue_length", _not(4), _READING),
        IgnoredKey("inference.multithreading.timeout", _not(30.0), _READING),
        IgnoredKey("inference.compile.backend", _not("inductor"), "dlcx compiles with inductor"),
    ),
    IgnoredKey(
        "detector.inference.compile.enabled", _not(False), "detectors are never compiled, only the network of the poses"
    ),
    *_both(IgnoredKey("data.inference.auto_padding.position", _not("random"), _PADDING)),
    IgnoredKey(
        "metadata.with_identity",
        _is_another_head,
        "a network tells animals apart if it has the head identity, which create-dataset gives it where config.yaml "
        "says identity: true",
    ),
    IgnoredKey("inference.output_dir", _not(None), "--out names the folder of the results"),
    IgnoredKey(
        "inference.conditions.scorer",
        _not(None, ""),
        "the other network runs in the same pass; --conditions FILE takes poses that it has found before",
    ),
)

#: Keys of config.yaml for top-down networks.
WITH_DETECTORS = (
    IgnoredKey(
        "detector_batch_size",
        _not(1),
        "the detector takes the frames of --batch-size at once, and fewer where memory is short",
    ),
)


def warn_ignored_keys(settings: Settings, file: Path, known: Sequence[IgnoredKey]) -> None:
    """Warn about each of the keys ``known`` that is set in ``file``."""
    data = settings.plain()
    for one in known:
        value = _value(data, one.key)
        if value is not _MISSING and one.is_set(value, data):
            logger.warning("%s: %s: %s has no effect: %s", file, one.key, value, one.instead)


_MISSING = object()


def _value(data: Any, key: str) -> Any:
    for step in key.split("."):
        if not isinstance(data, Mapping) or step not in data:
            return _MISSING
        data = data[step]
    return data
