"""Nets for several animals, with DeepLabCut's weights: the same poses, errors and files as DeepLabCut's."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fill_weights import checksum, fill_weights
from image_poses import same_poses

from dlcx.formats.analysis_pickles import read_full_pickle
from dlcx.formats.assemblies import read_assemblies
from dlcx.formats.model_config import read_model_config
from dlcx.formats.project_config import open_project
from dlcx.formats.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.project import DETECTOR, Shuffle
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.evaluate import evaluate

TOP_DOWN = {"project": "ma", "shuffle": 2, "head_gain": 0.0996, "weights": 624795.6161857257}


def trained(golden: Path, folder: Path, case: dict) -> Shuffle:
    """DeepLabCut's project with the weights it was evaluated with, made from their names."""
    root = folder / case["project"]
    shutil.copytree(golden / "files" / case["project"], root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / case["project"] / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / case["project"] / f"CollectedData_me{suffix}", images)
    shutil.copy(golden / "analysis" / case["project"] / "vid.avi", root)
    shuffle = open_project(root).shuffle(case["shuffle"])
    config = read_model_config(shuffle.model_config_path)
    model = build_model(config)
    fill_weights(model, seed=1, gain=1.0, head_gain=case["head_gain"])
    assert checksum(model) == pytest.approx(case["weights"], rel=1e-12)
    save(shuffle.snapshot_path(10), model)
    if config.detector is not None:
        detector = build_detector(config.detector)
        fill_weights(detector, seed=1, gain=1.5, head_gain=1.0)
        save(shuffle.snapshot_path(10, prefix=DETECTOR), detector)
    return shuffle


def save(path: Path, model) -> None:
    write_snapshot(path, model=model.state_dict(), epoch=10, metrics={}, losses={})


@pytest.fixture(scope="module")
def top_down(golden, tmp_path_factory) -> Shuffle:
    return trained(golden, tmp_path_factory.mktemp("top-down"), TOP_DOWN)


def test_a_top_down_evaluation_is_deeplabcuts(top_down, golden):
    theirs = golden / "evaluation" / "ma"
    (one,) = evaluate(top_down.project.root, shuffle=2, per_bodypart=True).evaluated
    assert one.detector == "10"
    assert one.scorer == "DLC_Resnet50_goldmaNov22shuffle2_detector_10_snapshot_10"
    expected = pd.read_hdf(theirs / f"{one.scorer}.h5")
    pd.testing.assert_frame_equal(pd.read_hdf(one.h5), expected, rtol=0, atol=1e-3)
    assert one.csv.read_bytes() == (theirs / f"{one.scorer}-results.csv").read_bytes()


def test_a_top_down_analysis_is_deeplabcuts(top_down, golden):
    (video,) = analyze_video(top_down.project.root, top_down.project.root / "vid.avi", shuffle=2).videos
    found = read_full_pickle(video.full_pickle)
    expected = read_full_pickle(golden / "predictions" / video.full_pickle.name)
    assert sorted(found) == sorted(expected)
    for frame, prediction in expected.items():
        ours, theirs = found[frame].animals, prediction.animals
        np.testing.assert_allclose(ours.xy, theirs.xy, rtol=0, atol=1e-3)
        np.testing.assert_allclose(ours.score, theirs.score, rtol=0, atol=1e-4)
        np.testing.assert_allclose(ours.box, theirs.box, rtol=0, atol=1e-2)
        np.testing.assert_allclose(ours.box_score, theirs.box_score, rtol=0, atol=1e-4)
    animals = read_assemblies(video.assemblies)
    expected = read_assemblies(golden / "predictions" / video.assemblies.name)
    assert sorted(animals) == sorted(expected)
    for frame, prediction in expected.items():
        np.testing.assert_allclose(animals[frame].animals.xy, prediction.animals.xy, rtol=0, atol=1e-3)
        np.testing.assert_allclose(animals[frame].animals.score, prediction.animals.score, rtol=0, atol=1e-4)


def test_images_of_a_top_down_project_are_deeplabcuts(top_down, golden, tmp_path):
    folder = golden / "analysis" / "ma"
    result = analyze_images(top_down.project.root, folder / "images", shuffle=2, out=tmp_path)
    same_poses(result.h5, folder / result.csv.name)
