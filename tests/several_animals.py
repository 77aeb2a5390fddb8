"""DeepLabCut's project of three animals with a small net of every kind, whose weights are made from their names."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
from fill_weights import fill_weights

from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.project import DETECTOR

#: Shuffles, and pixels of the crops that the top-down net sees.
PAF, TOP_DOWN, BUCTD, CROP = 4, 5, 6, 64
SIZE = (96, 64)


def make_project(root: Path, golden: Path, *shuffles: int) -> Path:
    """Write the project to ``root``, its labeled images too, with snapshots of the shuffles."""
    shutil.copytree(golden / "files" / "ma", root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / "ma" / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / "ma" / f"CollectedData_me{suffix}", images)
    for number in shuffles:
        add_net(root, number)
    return root


def add_net(root: Path, number: int) -> None:
    """Create one of the shuffles and its snapshot, after 10 epochs so to say."""
    from dlcx.workflow.create_dataset import create_dataset

    crops = [
        f"data.{use}.top_down_crop.{edge}={CROP}" for use in ("train", "inference") for edge in ("width", "height")
    ]
    options = {
        PAF: {"net_type": "timm/test_resnet"},
        TOP_DOWN: {"net_type": "top_down_timm/test_resnet", "detector_weights": "none", "overrides": crops},
        BUCTD: {"net_type": "ctd_prenet_rtmpose_s", "conditions": str(PAF)},
    }[number]
    create_dataset(root, shuffle=number, weights="none", from_shuffle=1, **options)
    place = open_project(root).shuffle(number)
    config = read_model_config(place.model_config_path)
    made = {"snapshot": build_model(config)} | ({DETECTOR: build_detector(config.detector)} if config.detector else {})
    for prefix, model in made.items():
        fill_weights(model, seed=1, gain=1.5 if prefix == DETECTOR else 1.0)
        path = place.snapshot_path(10, prefix=prefix)
        write_snapshot(path, model=model.state_dict(), epoch=10, metrics={}, losses={})


def long_video(path: Path, golden: Path, count: int) -> Path:
    """``count`` frames: those of DeepLabCut's 12 forwards and backwards, each moved by a pixel more."""
    capture = cv2.VideoCapture(str(golden / "analysis" / "ma" / "vid.avi"))
    frames = [cv2.resize(capture.read()[1], SIZE) for _ in range(12)]
    there_and_back = [*frames, *frames[-2:0:-1]]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE)
    for number in range(count):
        writer.write(np.roll(there_and_back[number % len(there_and_back)], number % 40, axis=1))
    writer.release()
    return path
