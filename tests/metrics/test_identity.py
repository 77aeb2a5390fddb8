import json

import numpy as np

from dlcx.metrics import identity_accuracy
from dlcx.poses import Instances


def test_accuracy_equals_deeplabcut(golden):
    stored = np.load(golden / "metrics" / "inputs.npz")
    expected = json.loads((golden / "metrics" / "metrics.json").read_text())["identity_multi"]
    labels, found, votes = stored["multi.gt"], stored["multi.pred"], stored["identity.scores"]
    truth, predicted = [], []
    for image in range(len(labels)):
        pose, label = found[image, : stored["multi.pred_count"][image]], labels[image]
        truth.append(Instances(label[..., :2], (label[..., 2] > 0).astype(np.float32)))
        predicted.append(Instances(pose[..., :2], pose[..., 2], identity=votes[image, : len(pose)]))
    np.testing.assert_allclose(identity_accuracy(truth, predicted), list(expected.values()), rtol=1e-12)


def one(xy, votes=None) -> Instances:
    xy = np.array(xy, np.float32)[:, None]
    identity = None if votes is None else np.eye(2, dtype=np.float32)[votes][:, None]
    return Instances(xy, np.ones(xy.shape[:2], np.float32), identity=identity)


def test_labels_whose_prediction_is_nearest_choose_first():
    """The second label takes the prediction between them, so the first has to take the far one."""
    truth = one([[0, 0], [10, 0]])
    found = one([[6, 0], [90, 0]], [1, 0])
    assert identity_accuracy([truth], [found]) == (1.0,)


def test_without_votes_or_pairs():
    truth = one([[0, 0], [10, 0]])
    assert identity_accuracy([truth], [one([[0, 0], [10, 0]])]) == ()
    unseen = one([[np.nan, np.nan]], [0])
    assert np.isnan(identity_accuracy([truth], [unseen])).all()
