"""Nets for several animals, with DeepLabCut's weights: the same poses, errors and files as DeepLabCut's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fill_weights import checksum, fill_weights
from image_poses import same_poses

from dlcx.analysis import network_loading
from dlcx.data.labeled_images import LabeledImages, labeled_boxes
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.formats.shuffles.model_config import read_model_config, write_model_config
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.formats.weights.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.poses import Instances
from dlcx.project import DETECTOR, Shuffle
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.evaluate import evaluate


@dataclass(frozen=True)
class Case:
    """A shuffle of DeepLabCut's, its weights by their recipe, and the edges of the graph that its pruning kept."""

    project: str
    shuffle: int
    head_gain: float
    weights: float
    edges: tuple[int, ...] = ()


CASES = {
    "several animals": Case("ma", 1, 0.343, 647699.5208958812, (0, 3, 2)),
    "top-down": Case("ma", 2, 0.0996, 624795.6161857257),
    "unique bodyparts and identity": Case("mui", 1, 0.42, 648958.5602379899, (0, 2)),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def trained(request, golden, tmp_path_factory) -> Shuffle:
    """DeepLabCut's project with the weights it was evaluated with, made from their names."""
    case: Case = request.param
    root = tmp_path_factory.mktemp("animals") / case.project
    shutil.copytree(golden / "files" / case.project, root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / case.project / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / case.project / f"CollectedData_me{suffix}", images)
    shutil.copy(golden / "analysis" / case.project / "vid.avi", root)
    shuffle = open_project(root).shuffle(case.shuffle)
    config = read_model_config(shuffle.model_config_path)
    if case.edges:
        config.model.heads["bodypart"]["predictor"]["edges_to_keep"] = list(case.edges)
        write_model_config(config, shuffle.model_config_path)
        told = read_yaml(shuffle.test_dir / "pose_cfg.yaml")
        write_yaml({**told, "paf_best": list(case.edges)}, shuffle.test_dir / "pose_cfg.yaml")
    model = build_model(config)
    fill_weights(model, seed=1, gain=1.0, head_gain=case.head_gain)
    assert checksum(model) == pytest.approx(case.weights, rel=1e-12)
    save(shuffle.snapshot_path(10), model)
    if config.detector is not None:
        detector = build_detector(config.detector)
        fill_weights(detector, seed=1, gain=1.5, head_gain=1.0)
        save(shuffle.snapshot_path(10, prefix=DETECTOR), detector)
    return shuffle


def save(path: Path, model) -> None:
    write_snapshot(path, model=model.state_dict(), epoch=10, metrics={}, losses={})


def assert_near(ours: Any, theirs: Any, where: str = "") -> None:
    """The same keys, types and shapes; numbers to a thousandth of a pixel (boxes: a hundredth), scores to 1e-4."""
    assert type(ours) is type(theirs), where
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key in theirs:
            assert_near(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            assert_near(*pair, f"{where}/{number}")
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype, where
        off = 1e-2 if "bboxes" in where else 1e-3 if "coordinates" in where or theirs.ndim > 2 else 1e-4
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=max(off, 1e-3 * ("single" in where)), err_msg=where)
    else:
        assert ours == theirs, where


def test_an_evaluation_is_deeplabcuts(trained, golden):
    project, theirs = trained.project, golden / "evaluation" / trained.project.root.name
    (one,) = evaluate(project.root, shuffle=trained.number, per_bodypart=True).evaluated
    assert one.detector == ("10" if trained.number == 2 else None)
    expected = pd.read_hdf(theirs / f"{one.scorer}.h5")
    pd.testing.assert_frame_equal(pd.read_hdf(one.h5), expected, rtol=0, atol=1e-3)
    ours, expected = (pd.read_csv(path) for path in (one.csv, theirs / one.csv.name))
    pd.testing.assert_frame_equal(ours, expected, rtol=0, atol=0.0101)
    told = [line for line in one.lines() if line.startswith("right individual: ")]
    assert told == (["right individual: 40 % (train), 72 % (test), mean over bodyparts"] * trained.project.identity)
    errors, expected = (pd.read_csv(path, index_col=0) for path in (one.keypoint_csv, theirs / one.keypoint_csv.name))
    pd.testing.assert_frame_equal(errors, expected, rtol=0, atol=1e-3)


def test_an_analysis_is_deeplabcuts(trained, golden):
    (video,) = analyze_video(trained.project.root, trained.project.root / "vid.avi", shuffle=trained.number).videos
    for path in (video.full_pickle, video.assemblies):
        assert_near(load_plain_pickle(path), load_plain_pickle(golden / "predictions" / path.name), path.name[-12:])


def test_predictions_of_images_are_deeplabcuts(trained, golden, tmp_path):
    folder = golden / "analysis" / trained.project.root.name
    result = analyze_images(trained.project.root, folder / "images", shuffle=trained.number, out=tmp_path)
    same_poses(result.h5, folder / result.csv.name)


def test_boxes_of_a_detector_are_judged(trained, monkeypatch):
    """A detector that finds the first animal of every image, and nothing else."""
    config = read_model_config(trained.model_config_path)
    labels, split = load_training_set(trained)
    paths = [trained.project.root.joinpath(*image) for image in labels.images]
    images = list(LabeledImages(paths, [labels.pose(row) for row in range(len(labels))]))
    truth = [labeled_boxes(image, config.data.bbox_margin).box for image in images]
    first = {
        image.image.tobytes(): Instances.from_boxes(box[:1], np.ones(1, np.float32))
        for image, box in zip(images, truth, strict=True)
    }
    monkeypatch.setattr(
        network_loading,
        "_detector",
        lambda network, snapshot: lambda batch: [first[image.tobytes()] for image in batch],
    )
    (one,) = evaluate(trained.project.root, shuffle=trained.number).evaluated
    if config.detector is None:
        assert (one.train_boxes, one.test_boxes) == (None, None)
        return
    for boxes, rows in ((one.train_boxes, split.train), (one.test_boxes, split.test)):
        animals = sum(len(truth[row]) for row in rows)
        assert (boxes.images, boxes.boxes) == (len(rows), animals)
        assert boxes.mAR == pytest.approx(100 * len(rows) / animals)
    head = next(index for index, line in enumerate(one.lines()) if line.startswith("boxes"))
    assert one.lines()[head].split() == ["boxes", "images", "animals", "mAP@50:95", "mAP@50", "mAP@75", "mAR@50:95"]
    assert one.lines()[head + 1].split() == ["train", "6", "18", "33.7", "33.7", "33.7", "33.3"]
