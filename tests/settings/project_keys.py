"""Every key of config.yaml: a value that changes something, and what shows the change.

A key that is missing here and in the table of ``docs/settings.md`` fails the walk.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from dlcx.analysis.run_settings import run_batch_size
from dlcx.analysis.tracking import asked_linking
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.tracking import TrackingOptions
from dlcx.poses import Instances, Prediction
from dlcx.settings import DlcxConfig
from dlcx.settings.ignored_keys import IN_DATASETS, WITH_DETECTORS, warn_ignored_keys
from dlcx.training.pose_stage import pose_stage
from dlcx.workflow.analyze_images import _painter
from dlcx.workflow.check_labels import check_labels
from dlcx.workflow.create_dataset import _configure, _default_net
from dlcx.workflow.extract_frames import extract_frames


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.png"))}


def places(root: Path) -> list[str]:
    """Where the files of shuffle 1 and of the labels lie."""
    shuffle = open_project(root).shuffle(1)
    return [str(path.relative_to(root)) for path in (shuffle.train_dir, shuffle.project.labels_path("vid"))]


def network(root: Path) -> dict[str, Any]:
    """The file of a network that is made for the project."""
    made = _configure(open_project(root).shuffle(1), "timm/test_resnet", CreateDatasetOptions())
    return {**made.plain(), "identity": sorted(made.model.heads)}


def frames(root: Path) -> dict[str, str]:
    """The frames that are extracted of the video."""
    shutil.rmtree(root / "labeled-data" / "vid")
    extract_frames(root, method="uniform", crop=True)
    return _digests(root / "labeled-data" / "vid")


def pictures(root: Path) -> dict[str, str]:
    """The pictures of the labels."""
    check_labels(root)
    return _digests(root / "labeled-data" / "vid_labeled")


def points(root: Path) -> str:
    """A picture of predicted points, one of them with a score of 0.5."""
    found = Prediction(Instances(np.array([[[9.0, 9.0], [20.0, 20.0]]]), np.array([[0.5, 0.9]])))
    picture = _painter(open_project(root), None)(np.full((30, 40, 3), 90, np.uint8), None, found)
    return hashlib.sha256(picture.tobytes()).hexdigest()


def dataset(root: Path) -> str:
    """The network of a dataset for which none is named; warns as create-dataset does."""
    warn_ignored_keys(read_project_config(root / "config.yaml"), root / "config.yaml", IN_DATASETS)
    return _default_net(root)


def tracker(root: Path) -> str:
    """What links the animals when no flag says so."""
    return repr(asked_linking(open_project(root).shuffle(1), TrackingOptions()))


def snapshot(root: Path) -> list[str]:
    """The snapshots that a call means which names none."""
    shuffle = open_project(root).shuffle(1)
    shuffle.train_dir.mkdir(parents=True, exist_ok=True)
    for prefix in ("snapshot", "snapshot-detector"):
        for name in ("003", "010"):
            (shuffle.train_dir / f"{prefix}-{name}.pt").touch()
    return [shuffle.snapshot(prefix=prefix).uid for prefix in ("snapshot", "snapshot-detector")]


def batch(root: Path) -> int:
    """Frames a forward pass; warns as an analysis with a detector does."""
    warn_ignored_keys(read_project_config(root / "config.yaml"), root / "config.yaml", WITH_DETECTORS)
    net = SimpleNamespace(shuffle=open_project(root).shuffle(1))
    return run_batch_size(SimpleNamespace(batch_size=None, net=net), {})  # type: ignore[arg-type]


def crop(root: Path) -> Any:
    """The part of the frames that an analysis looks at."""
    return open_project(root).crop


def tables(root: Path) -> Any:
    """Which bodyparts of a SuperAnimal those of the project are."""
    place = open_project(root).shuffle(1)
    return pose_stage(place, _configure(place, "timm/test_resnet", CreateDatasetOptions()), DlcxConfig()).tables


@dataclass(frozen=True)
class Case:
    """What shows the key's effect, a value that changes it, and other keys that must be set."""

    look: Callable[[Path], Any]
    value: Any
    base: Mapping[str, Any] = field(default_factory=dict)


_SEVERAL = {
    "multianimalproject": True,
    "bodyparts": "MULTI!",
    "individuals": ["ann", "bob"],
    "multianimalbodyparts": ["nose", "tail"],
}
_BONES = {"skeleton": [["nose", "tail"]]}
_CROPPED = {"cropping": True, "x1": 1, "x2": 30, "y1": 2, "y2": 20}

CASES: dict[str, Case] = {
    "config_version": Case(places, 1),
    "Task": Case(places, "other"),
    "scorer": Case(places, "you"),
    "date": Case(places, "Feb3"),
    "multianimalproject": Case(network, True, {"bodyparts": "MULTI!", "multianimalbodyparts": ["nose", "tail"]}),
    "identity": Case(network, True, _SEVERAL),
    "engine": Case(dataset, "tensorflow"),
    "video_sets.crop": Case(frames, "0, 40, 0, 30"),
    "bodyparts": Case(network, ["nose", "ear"]),
    "individuals": Case(network, ["ann", "bob", "cid"], _SEVERAL),
    "uniquebodyparts": Case(network, ["corner"], _SEVERAL),
    "multianimalbodyparts": Case(network, ["nose", "ear"], _SEVERAL),
    "start": Case(frames, 0.7),
    "stop": Case(frames, 0.3),
    "numframes2pick": Case(frames, 3),
    "skeleton": Case(pictures, [["nose", "tail"]]),
    "skeleton_color": Case(pictures, "red", _BONES),
    "pcutoff": Case(points, 0.4),
    "dotsize": Case(pictures, 40),
    "alphavalue": Case(pictures, 0.2),
    "colormap": Case(pictures, "viridis"),
    "TrainingFraction": Case(places, [0.5]),
    "iteration": Case(places, 1),
    "default_net_type": Case(dataset, "hrnet_w18"),
    "default_augmenter": Case(dataset, "imgaug"),
    "default_track_method": Case(tracker, "box", {**_SEVERAL, "multianimalbodyparts": ["nose", "ear", "back", "tail"]}),
    "snapshotindex": Case(snapshot, 0),
    "detector_snapshotindex": Case(snapshot, 0),
    "batch_size": Case(batch, 3),
    "detector_batch_size": Case(batch, 3),
    "cropping": Case(crop, True),
    "x1": Case(crop, 5, _CROPPED),
    "x2": Case(crop, 25, _CROPPED),
    "y1": Case(crop, 5, _CROPPED),
    "y2": Case(crop, 25, _CROPPED),
    "SuperAnimalConversionTables": Case(tables, {"superanimal_bird": {"nose": "beak"}}),
}
