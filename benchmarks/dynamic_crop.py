"""Does dynamic cropping pay?  One animal in a large frame, seen whole and by its last pose, with the same snapshot.

    python benchmarks/dynamic_crop.py --openfield PROJECT [--net NAME] [--epochs N] [--frames N] [--keep FOLDER]

A net learns the openfield mouse from random weights through the commands that users call, in a copy of the project
(kept with --keep, and taken from there the next time).  Then ``analyze-video`` runs over the first frames of the
project's video, whole frames and ``--dynamic-crop`` by turns.  The error is the mean distance on test images in pixels.
These are no consecutive frames, so the pose before is the one found in the whole image, moved by a step that the animal
makes in the video.  Goals: 4 times the frames a second where the animal covers less than 5 % of the frame, and an error
that is no larger.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np

import dlcx
from dlcx.data.images import read_image
from dlcx.formats.predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.training_set import load_training_set
from dlcx.predictors import Predictor
from dlcx.predictors.dynamic_crop import Crops, DynamicCrop
from dlcx.workflow.loading import load_predictor

GOAL = 4.0
ROUNDS = 3


def trained(project: Path, root: Path, net: str, epochs: int) -> Path:
    """A copy of the project whose shuffle 1 is trained; what is there already is kept."""
    if not root.exists():
        shutil.copytree(project, root, copy_function=shutil.copyfile)
        for path in [root, *root.rglob("*")]:
            path.chmod(0o755)
    overrides = [
        "data.train.crop_sampling.width=224",
        "data.train.crop_sampling.height=224",
        "train_settings.batch_size=8",
        "runner.optimizer.params.lr=1e-3",
        "runner.scheduler=null",
        f"runner.eval_interval={epochs}",
    ]
    dlcx.create_dataset(root, net_type=net, weights="none", overrides=overrides)
    dlcx.train(root, epochs=epochs)
    return root


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openfield", type=Path, required=True, help="the project of the mouse")
    parser.add_argument("--net", default="cspnext_s")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--score", type=float, default=0.5)
    parser.add_argument("--margin", type=float, default=30)
    parser.add_argument("--keep", type=Path, help="folder of the trained copy")
    arguments = parser.parse_args()
    dynamic = arguments.score, arguments.margin
    with tempfile.TemporaryDirectory() as folder:
        kept = arguments.keep or Path(folder)
        root = trained(arguments.openfield, kept / arguments.openfield.name, arguments.net, arguments.epochs)
        video = next((root / "videos").glob("*.mp4"))
        rates: dict[bool, list[float]] = {False: [], True: []}
        poses = {}
        for _ in range(ROUNDS):
            for follows in rates:
                rate, poses[follows] = analyzed(root, video, arguments.frames, dynamic if follows else None)
                rates[follows].append(rate)
        whole, followed = poses[False], poses[True]
        steps = np.diff(np.nanmedian(whole[..., :2], 1), axis=0)
        error, error_followed = errors(root, load_predictor(open_project(root).shuffle()).predictor, steps, dynamic)
        boxes = np.ptp(whole[..., :2], axis=1)
        sure = (whole[..., 2] >= 0.6) & (followed[..., 2] >= 0.6)
        apart = np.linalg.norm(whole[..., :2] - followed[..., :2], axis=-1)[sure]

    speed = {follows: statistics.median(found) for follows, found in rates.items()}
    believed = (whole[..., 2] >= arguments.score).any(-1).mean()
    print(f"{arguments.net}, {arguments.frames} frames of {video.name}, --dynamic-crop {dynamic[0]:g},{dynamic[1]:g}")
    print(f"the keypoints' box covers {100 * np.median(boxes.prod(-1)) / (640 * 480):.1f} % of the frame")
    print("| seen | frames/s | test error px |")
    print("|---|---|---|")
    print(f"| whole frames | {speed[False]:.1f} | {error:.2f} |")
    print(f"| by the last pose | {speed[True]:.1f} | {error_followed:.2f} |")
    if believed < 0.9:
        print(f"the net is sure of the animal in {believed:.0%} of the whole frames: it has learned too little to tell")
        return
    print(f"ratio {speed[True] / speed[False]:.1f} (goal {GOAL:g}); keypoints sure in both: {sure.mean():.0%}")
    if len(apart):
        print(f"these are {np.median(apart):.2f} px apart (median), {np.quantile(apart, 0.99):.1f} px (99 %)")


if __name__ == "__main__":
    main()
