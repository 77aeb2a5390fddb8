from __future__ import annotations

import numpy as np
import pytest

from dlcx.metrics import evaluate_poses, keypoint_errors, mean_interval
from dlcx.poses import Instances, Prediction


def test_interval_of_a_mean_is_that_of_theory():
    values = np.random.default_rng(0).normal(3, 2, (400, 1))
    found = mean_interval(values, range(400))
    assert found.value == pytest.approx(values.mean())
    error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.05)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.05)
    assert found.excludes_zero
    assert mean_interval(values, range(400)) == found


def test_rows_that_belong_together_tell_less():
    video = np.repeat(np.random.default_rng(1).normal(0, 1, 10), 30)[:, None]
    alone = mean_interval(video, range(300))
    together = mean_interval(video, np.repeat(range(10), 30).tolist())
    assert together.value == pytest.approx(alone.value)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_too_little_to_tell():
    one = mean_interval(np.array([[1.0, np.nan], [3.0, np.nan]]), ["a", "a"])
    assert one.value == 2
    assert np.isnan(one.low)
    assert not one.excludes_zero
    assert np.isnan(mean_interval(np.full((2, 2), np.nan), ["a", "b"]).value)


def test_errors_of_labels_have_the_mean_that_evaluation_gives():
    random = np.random.default_rng(2)
    truth, found = [], []
    for count in (2, 1, 2, 0):
        xy = random.uniform(0, 100, (2, 4, 2))
        xy[count:] = np.nan
        xy[0, 3] = np.nan
        unique = random.uniform(0, 100, (1, 1, 2))
        truth.append(Prediction(Instances(xy, np.isfinite(xy).all(-1) * 1.0), Instances(unique, np.ones((1, 1)))))
        guess = (xy + random.normal(0, 3, xy.shape))[::-1]
        guess[0, 1] = np.nan
        found.append(Prediction(Instances(guess, np.full((2, 4), 0.9)), Instances(unique + 3, np.ones((1, 1)))))
    labels = keypoint_errors(truth, found, single=False)
    errors, labeled = labels.error, labels.labeled
    metrics = evaluate_poses(truth, found, single=False)
    assert errors.shape == labeled.shape == (4, 2 * 4 + 1)
    assert np.nanmean(errors) == pytest.approx(metrics.rmse)
    assert np.isfinite(errors).sum() == metrics.keypoints
    assert labeled.sum() == metrics.labelled
    assert not np.isfinite(errors[~labeled]).any()
    np.testing.assert_allclose(errors[:, -1], np.sqrt(18))
    assert labels.part.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4]
    assert set(labels.score[np.isfinite(errors)]) == {0.9, 1.0}
