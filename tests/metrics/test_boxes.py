import json
from pathlib import Path

import numpy as np
import pytest

from dlcx.metrics import BoxMetrics, evaluate_boxes
from dlcx.poses import Instances

CASES = json.loads((Path(__file__).parents[1] / "golden" / "metrics" / "boxes.json").read_text())


def found(boxes, scores) -> Instances:
    return Instances.from_boxes(np.reshape(boxes, (-1, 4)), np.asarray(scores, float))


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_numbers_are_those_of_deeplabcut(case):
    names = list(case["ground_truth"])
    truth = [np.reshape(case["ground_truth"][name]["bboxes"], (-1, 4)) for name in names]
    seen = [found(case["detections"][name]["bboxes"], case["detections"][name]["scores"]) for name in names]
    metrics = evaluate_boxes(truth, seen)
    assert metrics.named() == pytest.approx(case["result"], abs=1e-9)
    assert (metrics.images, metrics.boxes) == (len(names), sum(map(len, truth)))


BOX = np.array([[10.0, 10.0, 20.0, 20.0]])
NOTHING = np.zeros((0, 4))


def test_without_a_true_box_nothing_is_defined():
    assert evaluate_boxes([NOTHING], [found(BOX, [0.9])]) == BoxMetrics(images=1)
    assert evaluate_boxes([], []) == BoxMetrics()
    assert set(BoxMetrics().named().values()) == {-1.0}


def test_nothing_found_is_zero():
    metrics = evaluate_boxes([BOX, BOX], [found([], [])] * 2)
    assert set(metrics.named().values()) == {0.0}
    assert metrics.boxes == 2


def test_a_wrong_box_that_is_surer_halves_the_precision():
    once = evaluate_boxes([BOX], [found(BOX, [0.9])])
    surer = evaluate_boxes([BOX], [found(np.concatenate([BOX + 90, BOX]), [0.95, 0.9])])
    assert once.mAP == pytest.approx(100)
    assert surer.mAP == pytest.approx(50)
    assert surer.mAR == pytest.approx(100)


def test_an_animal_is_found_once():
    twice = evaluate_boxes([BOX, BOX], [found(np.repeat(BOX, 2, 0), [0.9, 0.8]), found(BOX, [0.7])])
    assert twice.mAP == pytest.approx(100 * (51 + 50 * 2 / 3) / 101)


def test_only_the_hundred_surest_boxes_count():
    many = np.repeat(BOX + 90, 100, axis=0)
    metrics = evaluate_boxes([BOX], [found(np.concatenate([many, BOX]), [0.9] * 100 + [0.1])])
    assert metrics.mAR == 0
