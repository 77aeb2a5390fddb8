"""Guesses become crops and conditions; numbers of whole nets are compared with DeepLabCut's in tests/nets."""

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.poses import Instances, Layout
from dlcx.predictors import create_predictor
from dlcx.predictors.conditional import add_boxes, combine_scores
from dlcx.settings import ModelConfig

LAYOUT = Layout(("nose", "back", "tail"), ("ann", "bob"), multi=True)


def guesses(*poses) -> Instances:
    found = np.array(poses, float).reshape(-1, 3, 3)
    return Instances(found[..., :2], found[..., 2])


def test_guesses_that_show_nothing_are_dropped():
    given = guesses(
        [(30, 20, 0.9), (50, 40, 0.0), (40, 60, 0.3)],
        [(30, 20, 0.04), (50, 40, 0.04), (40, 60, 0.0)],  # no keypoint is sure
        [(np.nan, np.nan, 0.9), (50, 40, 0.0), (40, 60, 0.0)],  # nor here, as the sure one is nowhere
        [(95, 75, 0.06), (10, 10, 0.0), (10, 10, 0.0)],
        [(300, 20, 0.9), (310, 40, 0.9), (320, 60, 0.9)],  # out of the image
    )
    kept, numbers = add_boxes(given, (100, 80), margin=10)
    assert numbers.tolist() == [0, 3]
    assert kept.box.tolist() == [[20, 10, 30, 60], [85, 65, 15, 15]]  # of sure keypoints alone, clipped to the image
    assert kept.score[0].tolist() == [0.9, 0, 0.3]
    assert len(add_boxes(Instances.empty(3), (100, 80), margin=10)[0]) == 0


def test_a_point_without_margin_is_no_box():
    given = guesses([(30, 20, 0.9), (0, 0, 0), (0, 0, 0)])
    assert len(add_boxes(given, (100, 80), margin=0)[0]) == 0


def test_one_score_a_pose():
    found = Instances(np.zeros((2, 3, 2)), np.array([[0.1, 0.4, 0.8], [0.1, 0.1, 0.1]], np.float32))
    given = guesses([(1, 1, 0.9), (1, 1, 0.0), (1, 1, 0.3)], [(1, 1, 1), (1, 1, 1), (1, 1, 1)])
    scores = combine_scores(found, given).score
    assert scores[0] == pytest.approx([0.4 * 0.6] * 3)  # mean of all three guesses, mean of the two good ones
    assert scores[1].tolist() == [0, 0, 0]


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    config = ModelConfig.model_validate(model_config("ctd_prenet_rtmpose_s", LAYOUT))
    return build_model(config), config


def test_all_guesses_of_a_batch_are_one_batch_of_crops(parts):
    predictor = create_predictor(*parts, device="cpu")
    images = np.random.default_rng(0).integers(0, 255, (3, 80, 100, 3), np.uint8)
    one, two = [(30, 20, 0.9), (50, 40, 0.5), (40, 60, 0.3)], [(70, 20, 0.9), (60, 40, 0.5), (75, 60, 0.3)]
    given = [guesses(one, two), Instances.empty(3), guesses(two)]
    rows = predictor.inputs(images, given)
    assert [tuple(tensor.shape) for tensor in rows.tensors] == [(3, 3, 256, 256), (3, 3, 3)]
    assert rows.owners.tolist() == [0, 0, 2]
    for row, (pose, place) in enumerate(zip((one, two, two), rows.geometries, strict=True)):
        condition = rows.tensors[1][row].numpy()
        np.testing.assert_allclose(place.to_image(condition[:, :2]), np.array(pose)[:, :2], atol=1e-3)
        np.testing.assert_allclose(condition[:, 2], np.array(pose)[:, 2], rtol=1e-6)
    found = predictor.predict(images, given)
    assert [len(prediction.animals) for prediction in found] == [2, 0, 1]
    np.testing.assert_allclose(
        predictor.predict(images[2:], given[2:])[0].animals.xy, found[2].animals.xy, rtol=0, atol=1e-3
    )
    assert [len(one.animals) for one in predictor.predict(images, [Instances.empty(3)] * 3)] == [0, 0, 0]


def test_conditions_come_from_a_detector_in_the_same_pass(parts):
    seen = []

    def detector(images):
        seen.append(images)
        return [guesses([(30, 20, 0.9), (50, 40, 0.5), (40, 60, 0.3)])] * len(images)

    images = np.zeros((2, 80, 100, 3), np.uint8)
    found = create_predictor(*parts, device="cpu", detector=detector).predict(images)
    assert len(seen) == 1
    assert seen[0] is images
    assert [len(one.animals) for one in found] == [1, 1]
    with pytest.raises(DlcxError, match="a BUCTD network refines poses"):
        create_predictor(*parts, device="cpu").predict(images)
