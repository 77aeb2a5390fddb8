"""Check that every network family can learn: overfit each network to eight real images.

    python benchmarks/overfit.py --openfield PROJECT --flies PROJECT [--net NAME] [--animals one|two]

Single-animal networks are trained on eight frames of the openfield mouse, all others on eight frames of two flies.
Training uses dlcx's public functions, random initial weights, small images, and no augmentation (except that crops for
SimCC networks are shifted by a pixel or two).  The error is the mean distance on these eight frames, in pixels of the
original images, as printed by ``dlcx evaluate``.  The goal is 3 px.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import dlcx
from dlcx.data.labeled_images import LabeledImages
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.formats.predictions.evaluation import write_evaluation
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.poses import Instances, Prediction
from dlcx.training.samples import sample_condition

GOAL = 3.0
#: Margin between the keypoints of an animal and its box, in pixels.
MARGIN = 20
IMAGES = 8
#: Settings that disable augmentation, so that every epoch has the same pixels.
STILL = (
    "data.train.affine=null",
    "data.train.crop_sampling=null",
    "data.train.motion_blur=false",
    "data.train.gaussian_noise=null",
    "data.train.random_bbox_transform=null",
    "runner.snapshots.save_epochs=10000",
    "runner.scheduler=null",
)


@dataclass(frozen=True)
class Case:
    """A network to train on the mouse or on the flies, for ``epochs`` with batches of ``batch`` images or crops."""

    net: str
    flies: bool
    epochs: int
    lr: float
    batch: int = 4
    overrides: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    """Width and height to which whole images are resized; None for networks on crops."""

    def settings(self) -> tuple[str, ...]:
        """Return all ``--set`` values of the case."""
        resized = []
        if self.size:
            for part in ("train", "inference"):
                resized += [f"data.{part}.resize={{width: {self.size[0]}, height: {self.size[1]}}}"]
        return (
            *STILL,
            *resized,
            f"train_settings.batch_size={self.batch}",
            f"runner.optimizer.params.lr={self.lr}",
            *self.overrides,
        )


MOUSE, FLIES = (320, 240), (256, 256)
CROP = tuple(f"data.{part}.top_down_crop.{side}=128" for part in ("train", "inference") for side in ("width", "height"))
#: Training crops start at whole pixels, so they are shifted by up to a pixel from those used in evaluation.  A SimCC
#: network trained only on the former memorizes their pixels: its error is 0.3 px (of the crop) on them and 7 px on the
#: latter.  Slightly shifted crops prevent this.
JITTER = (
    "data.train.random_bbox_transform="
    "{shift_factor: 0.03, shift_prob: 1.0, scale_factor: [0.97, 1.03], scale_prob: 1.0, p: 1.0}",
)


def slower(epoch: int, lr: float) -> str:
    """Return the setting that changes the learning rate to ``lr`` at ``epoch``."""
    return f"runner.scheduler={{type: LRListScheduler, params: {{milestones: [{epoch}], lr_list: [[{lr}]]}}}}"


CASES = (
    Case("resnet_50", flies=False, epochs=100, lr=5e-4, size=MOUSE),
    Case("hrnet_w18", flies=False, epochs=100, lr=1e-3, size=MOUSE),
    Case("cspnext_s", flies=False, epochs=100, lr=1e-3, size=MOUSE),
    Case("timm/tf_efficientnet_lite0", flies=False, epochs=100, lr=1e-3, size=MOUSE),
    Case("rtmpose_s", flies=False, epochs=300, lr=1e-3, batch=8, overrides=(*JITTER, slower(200, 1e-4))),
    Case("resnet_50", flies=True, epochs=100, lr=5e-4, size=FLIES),
    Case("top_down_resnet_50", flies=True, epochs=100, lr=5e-4, overrides=CROP),
    Case("dekr_w18", flies=True, epochs=400, lr=5e-3, size=(192, 192), overrides=(slower(300, 5e-4),)),
    # The batch norm layers of its heads have a momentum of 0.001, so they need many steps, that is, small batches.
    Case("dlcrnet_stride16_ms5", flies=True, epochs=400, lr=5e-4, batch=1, size=FLIES, overrides=(slower(160, 1e-4),)),
    Case("ctd_prenet_rtmpose_s", flies=True, epochs=1400, lr=1e-3, batch=8, overrides=(slower(1050, 1e-4),)),
)


def run(case: Case, project: Path) -> tuple[float, float]:
    """Return the error in pixels after training and the seconds of training."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / project.name
        shutil.copytree(project, root, copy_function=shutil.copyfile)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)
        started = time.monotonic()
        dlcx.create_dataset(
            root,
            net_type=case.net,
            train_indices=range(0, IMAGES * 12, 12),
            test_indices=[1],
            weights="none",
            overrides=case.settings(),
        )
        top_down = case.net.startswith(("top_down_", "rtmpose_"))
        dlcx.train(root, epochs=case.epochs, detector_epochs=0 if top_down else None)
        seconds = time.monotonic() - started
        conditions = str(write_conditions(root)) if case.net.startswith("ctd_") else None
        (found,) = dlcx.evaluate(root, snapshot="last", conditions=conditions).evaluated
        return found.train.rmse, seconds


def write_conditions(root: Path) -> Path:
    """Write a predictions file for conditional networks: labels with simulated errors."""
    project = open_project(root)
    labels, sampler, rng = read_all_labels(project), ConditionSampler(), np.random.default_rng(0)
    poses = [labels.pose(row) for row in range(len(labels))]
    found = []
    for labeled in LabeledImages([root.joinpath(*image) for image in labels.images], poses):
        seen = np.flatnonzero(labeled.pose.animals.score.any(1)).tolist()
        xy = np.array([sample_condition(labeled, animal, sampler, MARGIN, rng) for animal in seen])
        found.append(Prediction(Instances(xy, np.isfinite(xy).all(-1).astype(np.float32))))
    path = root / "conditions.h5"
    write_evaluation(labels.images, found, project.layout, path, "conditions")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openfield", type=Path, required=True, help="the openfield project")
    parser.add_argument("--flies", type=Path, required=True, help="the flypair24 project")
    parser.add_argument("--net", action="append", help="train only this network; repeatable")
    parser.add_argument("--animals", choices=("one", "two"), help="train only on the mouse, or only on the flies")
    arguments = parser.parse_args()
    print("| network | animals | error px | epochs | s |")
    print("|---|---|---|---|---|", flush=True)
    for case in CASES:
        if (arguments.net and case.net not in arguments.net) or (
            arguments.animals and case.flies != (arguments.animals == "two")
        ):
            continue
        error, seconds = run(case, arguments.flies if case.flies else arguments.openfield)
        verdict = "" if error < GOAL else f" (goal {GOAL:g})"
        animals = 2 if case.flies else 1
        print(f"| {case.net} | {animals} | {error:.2f}{verdict} | {case.epochs} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
