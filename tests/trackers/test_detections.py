from __future__ import annotations

import numpy as np
import pytest

from dlcx.poses import Instances, Prediction
from dlcx.trackers.detections import Detections


def prediction(xy: list[list[list[float]]], score: list[list[float]], identity: np.ndarray | None = None) -> Prediction:
    return Prediction(Instances(np.array(xy, np.float32), np.array(score, np.float32), identity=identity))


def test_uncertain_and_negative_keypoints_are_unseen() -> None:
    frames = [prediction([[[1, 2], [3, 4], [-1, 5]], [[6, 7], [8, 9], [1, 1]]], [[0.9, 0.1, 0.9], [0.05, 0.09, 0.0]])]
    found = Detections.of(frames, 3)
    assert len(found) == 1
    assert np.isfinite(found.xy[0]).all(1).tolist() == [True, True, False]
    np.testing.assert_allclose(found.score[0], [0.9, 0.1, 0.9])
    assert np.isfinite(Detections.of(frames, 3, keep_negative=True).xy[0]).all(1).tolist() == [True] * 3
    assert len(Detections.of(frames, 3, pcutoff=0.0)) == 2


def test_frames_are_counted_from_the_first() -> None:
    one = prediction([[[1, 2]]], [[0.9]])
    two = prediction([[[1, 2]], [[3, 4]]], [[0.9], [0.9]])
    found = Detections.of([two, Prediction(Instances.empty(1)), one], 1, first=70)
    assert (found.first, found.frames, found.frame.tolist()) == (70, 3, [0, 0, 2])
    assert [(part.start, part.stop) for part in found.by_frame()] == [(0, 2), (2, 3)]


def test_identity_is_the_individual_with_the_highest_score() -> None:
    scores = np.array([[[0.2, 0.8], [0.6, 0.4]]], np.float32)
    found = Detections.of([prediction([[[1, 2], [3, 4]]], [[0.9, 0.9]], scores)], 2)
    assert found.identity.tolist() == [[1, 0]]
    assert Detections.of([prediction([[[1, 2]]], [[0.9]])], 1).identity.tolist() == [[-1]]
    assert found.poses.shape == (1, 2, 4)


def test_the_centroid_is_weighted_by_score() -> None:
    found = Detections.of([prediction([[[0, 0], [10, 20]]], [[0.2, 0.6]])], 2)
    np.testing.assert_allclose(found.centroid, [[7.5, 15]])


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Detections\.score: expected shape \(1, 2\)"):
        Detections(np.zeros((1, 2, 2)), np.zeros((1, 3)), np.zeros((1, 2)), np.zeros(1, int), 1)
