"""Copy real projects and create snapshots of artificial weights with clear maps (tests/interchange/cases.py)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from cases import CASES, CONDITIONS, PAF_WEIGHTS, SSDLITE, Case, Weights
from tools import save_filled, settings

import dlcx
from dlcx.formats.project_config import open_project

SOURCES = {
    "single": "openfield-Pranav-2018-10-30",
    "training": "openfield-Pranav-2018-10-30",
    "top-down": "flypair24",
    "buctd": "flypair24",
}
#: Weights of the single-animal resnet_50.
CLEAR = Weights(1.0, 0.0126)
#: Number of training images, and the side of their square crops in pixels.
TRAINING_IMAGES, TRAINED_ON = 24, 224


def prepare(name: str, source: Path, target: Path) -> None:
    """Copy the project and create its shuffles."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755)
    config = target / "config.yaml"
    config.write_text(re.sub(r"^identity: .*", "identity: false", config.read_text(), flags=re.MULTILINE))
    if name == "single":
        shuffle(target, "resnet_50", 1, CLEAR)
    elif name == "training":
        sides = [f"data.train.crop_sampling.{side}={TRAINED_ON}" for side in ("width", "height")]
        rows = {"train_indices": range(TRAINING_IMAGES), "test_indices": [TRAINING_IMAGES]}
        shuffle(target, "resnet_50", 1, None, [*sides, "runner.eval_interval=1000"], **rows)
    elif name == "top-down":
        of_case(target, CASES["top_down_resnet_50"], 1)
    else:
        shuffle(target, "resnet_50", 1, PAF_WEIGHTS, settings(CONDITIONS))
        of_case(target, CASES["ctd_prenet_rtmpose_s"], 2)


def of_case(root: Path, case: Case, number: int) -> None:
    """Create the shuffle of an interchange case, without the settings that shorten its training."""
    shuffle(root, case.net_type, number, case.weights, settings(case), detector=case.detector, conditioned=number > 1)


def shuffle(
    root: Path,
    net: str,
    number: int,
    weights: Weights | None,
    overrides: list[str] = [],  # noqa: B006
    *,
    detector: str | None = None,
    conditioned: bool = False,
    **more: Any,
) -> None:
    """Create a shuffle and, if weights are given, snapshots of epoch 1."""
    more |= {"detector": detector} if detector else {}
    more |= {"conditions": "1"} if conditioned else {}
    dlcx.create_dataset(root, net_type=net, shuffle=number, weights="none", overrides=overrides, **more)
    place = open_project(root).shuffle(number)
    if weights is not None:
        save_filled(place.model_config_path, place.snapshot_path(1), weights)
    if detector:
        path = place.snapshot_path(1, prefix="snapshot-detector")
        save_filled(place.model_config_path, path, SSDLITE, detector=True)


def video_of(root: Path) -> Path:
    """Return the only video of the project."""
    (found,) = (path for path in (root / "videos").iterdir() if path.suffix in (".mp4", ".avi"))
    return found
