"""Run DeepLabCut for the interchange check, in the environment created by make_env.sh.

Steps are separated by ``+`` and run in one process, because importing DeepLabCut takes seconds::

    deeplabcut_side.py create CONFIG --net-type resnet_50 --train 0 1 2 --test 3 + train CONFIG --epochs 1

The script prints ``timing: STEP SECONDS`` after each step.  It downloads nothing: networks start from random weights or
from weights saved by ``fill``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("DLClight", "True")  # no graphical windows
os.environ.setdefault("MPLBACKEND", "agg")

import timm


def at_random(create_model):
    """Call ``timm.create_model`` without pretrained weights."""

    @functools.wraps(create_model)
    def create(name, *args, pretrained=False, **kwargs):
        return create_model(name, *args, pretrained=False, **kwargs)

    return create


timm.create_model = at_random(timm.create_model)  # before the import of DeepLabCut, which may bind the name

import deeplabcut  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from deeplabcut.core.engine import Engine  # noqa: E402
from deeplabcut.pose_estimation_pytorch.config import PoseConfig  # noqa: E402
from deeplabcut.pose_estimation_pytorch.models import PoseModel  # noqa: E402
from deeplabcut.pose_estimation_pytorch.models.detectors import DETECTORS  # noqa: E402
from fill_weights import fill_weights  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402


def create(options):
    """Run create_training_dataset with a given split; ``--set`` overrides keys of pytorch_config.yaml."""
    deeplabcut.create_training_dataset(
        options.config,
        Shuffles=[options.shuffle],
        trainIndices=[options.train],
        testIndices=[options.test],
        net_type=options.net_type,
        detector_type=options.detector,
        ctd_conditions=options.conditions,
        userfeedback=False,
        engine=Engine.PYTORCH,
    )
    path, _, _ = deeplabcut.return_train_network_path(options.config, options.shuffle)
    yaml = YAML()
    config = yaml.load(path)
    for pair in options.set:
        keys, value = pair.split("=", 1)
        *parents, last = keys.split(".")
        functools.reduce(dict.__getitem__, parents, config)[last] = json.loads(value)
    yaml.dump(config, path)


def fill(options):
    """Save a snapshot of the network or its detector, with weights derived from the tensor names."""
    config = PoseConfig.from_yaml(options.config)
    model = DETECTORS.build(config.detector.model.to_dict()) if options.detector else PoseModel.build(config.model)
    seed, gain, head_gain, heat_bias = options.weights
    fill_weights(model, int(seed), gain, head_gain, heat_bias)
    epoch = 0 if Path(options.target).stem.startswith("start") else 1
    metadata = {"epoch": epoch, "metrics": {}, "losses": {}}
    torch.save({"metadata": metadata, "model": model.state_dict()}, options.target)


def train(options):
    """Run train_network; ``--from`` continues from a snapshot."""
    torch.manual_seed(0)
    deeplabcut.train_network(
        options.config,
        shuffle=options.shuffle,
        device="cpu",
        epochs=options.epochs,
        batch_size=options.batch_size,
        snapshot_path=options.snapshot,
        detector_path=options.detector_snapshot,
        detector_epochs=options.detector_epochs,
    )


def evaluate(options):
    """Run evaluate_network on the best snapshot, with the errors per bodypart."""
    deeplabcut.evaluate_network(
        options.config, shuffles=[options.shuffle], device="cpu", plotting=False, per_keypoint_evaluation=True
    )


def analyze(options):
    """Run analyze_videos with h5 and csv, without linking animals."""
    deeplabcut.analyze_videos(
        options.config,
        options.video,
        shuffle=options.shuffle,
        device="cpu",
        batch_size=8,
        save_as_csv=True,
        save_as_df=True,
        auto_track=False,
    )


def downstream(options):
    """Run the functions that read an analysis: median filter, trajectories and labeled video."""
    video = options.video
    deeplabcut.filterpredictions(options.config, video, shuffle=options.shuffle)
    deeplabcut.plot_trajectories(options.config, video, shuffle=options.shuffle)
    deeplabcut.plot_trajectories(options.config, video, shuffle=options.shuffle, filtered=True)
    deeplabcut.create_labeled_video(options.config, video, shuffle=options.shuffle)
    wanted = ("*_filtered.h5", "*_labeled.mp4", "plot-poses/*/trajectory.png", "plot-poses/*/plot-likelihood.png")
    missing = [pattern for path in map(Path, video) for pattern in wanted if not any(path.parent.glob(pattern))]
    if missing:
        sys.exit(f"DeepLabCut wrote no {', '.join(missing)}")


def link(options):
    """Run the functions that read a multi-animal analysis: tracklets and a video of all detections."""
    video = options.video
    deeplabcut.convert_detections2tracklets(options.config, video, shuffle=options.shuffle, track_method="box")
    deeplabcut.create_video_with_all_detections(options.config, video, shuffle=options.shuffle)
    wanted = ("*_bx.pickle", "*_full.mp4")
    missing = [pattern for path in map(Path, video) for pattern in wanted if not any(path.parent.glob(pattern))]
    if missing:
        sys.exit(f"DeepLabCut wrote no {', '.join(missing)}")


def read(options):
    """Read every h5 file in a folder with this environment's pandas; print its shape, type and first value."""
    paths = sorted(path for folder in options.folder for path in Path(folder).rglob("*.h5"))
    if not paths:
        sys.exit(f"no h5 below {', '.join(options.folder)}")
    for path in paths:
        with pd.HDFStore(path, "r") as store:
            for key in store.keys():  # noqa: SIM118 - a store is no mapping
                table = store[key]
                kinds = sorted(set(map(str, table.dtypes)))
                print(f"read: {path} {key} {table.shape} {list(table.columns.names)} {kinds}")


STEPS = {step.__name__: step for step in (create, fill, train, evaluate, analyze, downstream, link, read)}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    for name, step in STEPS.items():
        sub = steps.add_parser(name, help=step.__doc__)
        if name == "read":
            sub.add_argument("folder", nargs="+")
            continue
        sub.add_argument("config")
        if name == "fill":
            sub.add_argument("target")
            sub.add_argument("--detector", action="store_true")
            sub.add_argument("--weights", type=float, nargs=4, required=True, metavar=("SEED", "GAIN", "HEAD", "BIAS"))
            continue
        sub.add_argument("--shuffle", type=int, default=1)
        if name == "create":
            sub.add_argument("--net-type", default="resnet_50")
            sub.add_argument("--detector")
            sub.add_argument("--conditions", type=int, help="the shuffle whose poses a conditional net begins with")
            sub.add_argument("--set", action="append", default=[], metavar="KEY=JSON")
            sub.add_argument("--train", type=int, nargs="+", required=True)
            sub.add_argument("--test", type=int, nargs="+", required=True)
        if name == "train":
            sub.add_argument("--epochs", type=int, default=1)
            sub.add_argument("--batch-size", type=int, default=4)
            sub.add_argument("--from", dest="snapshot")
            sub.add_argument("--detector-from", dest="detector_snapshot")
            sub.add_argument("--detector-epochs", type=int)
        if name in ("analyze", "downstream", "link"):
            sub.add_argument("--video", nargs="+", required=True)
    return parser


def main():
    parser = arguments()
    calls = [list(call) for plus, call in itertools.groupby(sys.argv[1:], "+".__eq__) if not plus]
    for options in [parser.parse_args(call) for call in calls or [[]]]:
        started = time.monotonic()
        STEPS[options.step](options)
        print(f"timing: {options.step} {time.monotonic() - started:.1f}", flush=True)


if __name__ == "__main__":
    main()
