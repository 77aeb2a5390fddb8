"""Individuals 1 and 3 of three are in the image: what the net takes for the third stays the third in every result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from several_animals import BUCTD, PAF, long_video, make_project

from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.formats.predictions.assemblies import read_assemblies
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.nets.model import PoseModel
from dlcx.poses import Instances, Prediction
from dlcx.workflow.analyze_images import analyze_images
from dlcx.workflow.analyze_video import analyze_video
from dlcx.workflow.evaluate import evaluate

VOTES = np.eye(3, dtype=np.float32)
#: Poses (K, 2) of the individuals 1 and 3.
FIRST = np.array([[10, 12], [14, 20], [20, 24], [26, 30]], np.float32)
THIRD = np.array([[60, 40], [66, 44], [70, 36], [76, 30]], np.float32)


def found(first: np.ndarray, third: np.ndarray) -> Prediction:
    """Individual 3, then individual 1, as a net finds them, and its votes."""
    xy = np.stack([third, first]).astype(np.float32)
    votes = np.repeat(VOTES[[2, 0], None], xy.shape[1], 1)
    return Prediction(Instances(xy, np.full(xy.shape[:2], 0.9, np.float32), affinity=np.ones(2), identity=votes))


@pytest.fixture
def root(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """DeepLabCut's project of three animals, with a net that finds two of them."""

    def decode(self: PoseModel, outputs: dict) -> list[Prediction]:
        return [found(FIRST, THIRD)] * len(outputs["bodypart"]["heatmap"])

    monkeypatch.setattr(PoseModel, "decode", decode)
    return make_project(tmp_path / "ma", golden, PAF)


def columns(frame: pd.DataFrame) -> np.ndarray:
    """x, y, likelihood (M, A, K, 3)."""
    return frame.to_numpy().reshape(len(frame), 3, 4, 3)


def test_tables_of_images(root: Path, tmp_path: Path) -> None:
    images = root / "labeled-data" / "vid"
    result = analyze_images(root, images, shuffle=PAF, out=tmp_path, plot=True)
    (one,) = evaluate(root, shuffle=PAF).evaluated
    for table in (pd.read_hdf(result.h5), pd.read_hdf(one.h5)):
        poses = columns(table)
        assert len(poses)
        assert (poses[:, 0, :, :2] == FIRST).all()
        assert (poses[:, 1] == -1).all()
        assert (poses[:, 2, :, :2] == THIRD).all()
    assert len(list(result.pictures.iterdir())) == len(result.images)


def test_an_evaluation_counts_the_animals_that_were_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where both are found where they are labeled, nothing is wrong; the second individual's labels are missed."""
    labels, split = load_training_set(open_project(root).shuffle(PAF))
    used = iter(sorted([*split.train.tolist(), *split.test.tolist()]))
    monkeypatch.setattr(PoseModel, "decode", lambda *_: [found(*labels.xy[next(used)][[0, 2]])])
    (one,) = evaluate(root, shuffle=PAF).evaluated
    for metrics, rows in ((one.train, split.train), (one.test, split.test)):
        seen = np.isfinite(labels.xy[rows]).all(-1)
        assert seen[:, 1].any()
        assert metrics.labelled == seen.sum()
        assert metrics.keypoints == seen[:, [0, 2]].sum()
        assert metrics.rmse == pytest.approx(0, abs=1e-4)
        assert np.nanmin(metrics.identity) == 1


def test_files_of_a_video(root: Path, golden: Path) -> None:
    video = long_video(root / "videos" / "three.avi", golden, 12)
    (result,) = analyze_video(root, video, shuffle=PAF, track=False).videos
    frame = load_plain_pickle(result.full_pickle)["frame00"]
    coordinates = np.stack(frame["coordinates"][0], 1)
    np.testing.assert_array_equal(coordinates, np.stack([FIRST, np.full((4, 2), -1), THIRD]))
    confidence = np.concatenate(frame["confidence"], 1)
    np.testing.assert_array_equal(confidence[:, 0], np.array([0.9, -1, 0.9], np.float32))
    np.testing.assert_array_equal(frame["identity"][0], [[1, 0, 0], [-1, -1, -1], [0, 0, 1]])
    assemblies = read_assemblies(result.assemblies, 3)
    assert len(assemblies) == 12
    for prediction in assemblies.values():
        np.testing.assert_array_equal(prediction.animals.xy, np.stack([FIRST, THIRD]))
        np.testing.assert_array_equal(prediction.animals.identity.argmax(-1), [[0] * 4, [2] * 4])


def test_tracks_of_a_video(root: Path, golden: Path) -> None:
    video = long_video(root / "videos" / "three.avi", golden, 12)
    (result,) = analyze_video(root, video, shuffle=PAF).videos
    untracked = columns(pd.read_hdf(result.h5))
    np.testing.assert_array_equal(untracked[..., :2], [[FIRST, np.full((4, 2), -1), THIRD]] * 12)
    tracks = columns(pd.read_hdf(result.tracks))
    np.testing.assert_array_equal(tracks[..., :2], [[FIRST, np.full((4, 2), np.nan), THIRD]] * 12)


def test_conditions_are_the_animals_that_are_there(golden: Path, tmp_path: Path) -> None:
    """A net that corrects poses gets two of them, whatever rows the net that finds them keeps."""
    root = make_project(tmp_path / "ma", golden, PAF, BUCTD)
    predictor = TrainedNetwork.find(open_project(root).shuffle(BUCTD)).predictor
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PoseModel, "decode", lambda *_: [found(FIRST, THIRD)])
        (given,) = predictor.detector(np.zeros((1, 64, 96, 3), np.uint8))
    np.testing.assert_array_equal(given.xy, np.stack([FIRST, THIRD]))
    (pose,) = predictor.predict(np.zeros((1, 64, 96, 3), np.uint8), [given])
    assert len(pose.animals) == 2
