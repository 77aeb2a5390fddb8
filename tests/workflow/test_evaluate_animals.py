"""Nets for several animals, with DeepLabCut's weights: the same poses, errors and files as DeepLabCut's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fill_weights import checksum, fill_weights

from dlcx.formats.analysis_pickles import read_full_pickle
from dlcx.formats.model_config import read_model_config, with_overrides, write_model_config
from dlcx.formats.project_config import open_project
from dlcx.formats.snapshot import write_snapshot
from dlcx.nets.build import build_detector, build_model
from dlcx.project import DETECTOR, Shuffle
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.evaluate import evaluate


@dataclass(frozen=True)
class Case:
    """One of DeepLabCut's evaluated shuffles: what its weights are made of, and the edges that it kept of its graph."""

    project: str
    shuffle: int
    scorer: str
    head_gain: float
    weights: float
    edges: list[int] | None = None


CASES = (
    Case("ma", 1, "DLC_Resnet50_goldmaNov22shuffle1_snapshot_10", 0.343, 647699.5208958812, [0, 3, 2]),
    Case("ma", 2, "DLC_Resnet50_goldmaNov22shuffle2_detector_10_snapshot_10", 0.0996, 624795.6161857257),
    Case("mui", 1, "DLC_Resnet50_goldmuiNov22shuffle1_snapshot_10", 0.42, 648958.5602379899, [0, 2]),
)


def trained(golden: Path, folder: Path, case: Case) -> Shuffle:
    """DeepLabCut's project with the weights it was evaluated with, made from their names."""
    root = folder / case.project
    shutil.copytree(golden / "files" / case.project, root)
    images = root / "labeled-data" / "vid"
    shutil.copytree(golden / "evaluation" / case.project / "images", images)
    for suffix in (".h5", ".csv"):
        shutil.copy(golden / "evaluation" / case.project / f"CollectedData_me{suffix}", images)
    shutil.copy(golden / "analysis" / case.project / "vid.avi", root)
    shuffle = open_project(root).shuffle(case.shuffle)
    config = read_model_config(shuffle.model_config_path)
    if case.edges:
        config = with_overrides(config, [f"model.heads.bodypart.predictor.edges_to_keep={case.edges}"])
        write_model_config(config, shuffle.model_config_path)
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


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case.project}-{case.shuffle}")
def evaluated(request, golden, tmp_path_factory) -> tuple[Case, Shuffle]:
    case = request.param
    return case, trained(golden, tmp_path_factory.mktemp(case.project), case)


def test_an_evaluation_is_deeplabcuts(evaluated, golden):
    case, shuffle = evaluated
    theirs = golden / "evaluation" / case.project
    (one,) = evaluate(shuffle.project.root, shuffle=case.shuffle, per_bodypart=True).evaluated
    assert one.scorer == case.scorer
    expected = pd.read_hdf(theirs / f"{case.scorer}.h5")
    assert (expected.to_numpy() >= 0).sum() > 100
    pd.testing.assert_frame_equal(pd.read_hdf(one.h5), expected, rtol=0, atol=1e-3)
    row, their_row = (pd.read_csv(path).iloc[0] for path in (one.csv, theirs / f"{case.scorer}-results.csv"))
    shared = [name for name in their_row.index if "id_head" not in name]  # who is who is not evaluated yet
    pd.testing.assert_series_equal(row[shared], their_row[shared], rtol=0, atol=0.0101)


def test_an_analysis_is_deeplabcuts(evaluated, golden):
    case, shuffle = evaluated
    (video,) = analyze_video(shuffle.project.root, shuffle.project.root / "vid.avi", shuffle=case.shuffle).videos
    unique = len(shuffle.project.layout.unique)
    found = read_full_pickle(video.full_pickle, unique)
    expected = read_full_pickle(golden / "predictions" / video.full_pickle.name, unique)
    assert sorted(found) == sorted(expected)
    compared = 0
    for frame, prediction in expected.items():
        for part, tolerances in {
            "xy": 1e-3,
            "score": 1e-4,
            "box": 1e-2,
            "box_score": 1e-4,
            "identity": 1e-4,
        }.items():
            ours, theirs = getattr(found[frame].animals, part), getattr(prediction.animals, part)
            assert (ours is None) == (theirs is None), part
            if theirs is not None:
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerances, err_msg=f"{frame}: {part}")
                compared += theirs.size
        if unique:
            np.testing.assert_allclose(found[frame].unique.xy, prediction.unique.xy, rtol=0, atol=1e-3)
    assert compared > 100
