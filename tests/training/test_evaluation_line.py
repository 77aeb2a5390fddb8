"""The line that a training prints after each evaluation."""

import math

import pytest

from dlcx.metrics.error_scale import ErrorScale
from dlcx.training.checkpointer import Best
from dlcx.training.evaluation_line import evaluation_line

NUMBERS = {
    "losses/train.total_loss": 0.012345,
    "losses/eval.total_loss": 0.5,
    "metrics/test.rmse": 3.25,
    "metrics/test.mAP": 71.26,
}


def line(numbers=NUMBERS, best=None) -> str:
    return evaluation_line(3, 10, numbers, error_scale=ErrorScale(), key_metric="test.mAP", best=best)


def test_losses_errors_and_the_metric():
    assert line().startswith("epoch 3/10: train loss 0.01235, test loss 0.5, test error 3.25 px")
    assert line().endswith("mAP 71.3")


@pytest.mark.parametrize(
    ("best", "end"),
    [(Best(71.26, 3), "; the best so far"), (Best(80.0, 2, 1), "; best so far: epoch 2, test.mAP 80.00")],
)
def test_the_best_epoch(best, end):
    assert line(best=best) == line() + end


def test_without_a_detected_keypoint_there_is_no_error():
    text = line(NUMBERS | {"metrics/test.rmse": math.nan, "metrics/test.mAP": math.nan})
    assert text.endswith("no keypoint found in the test images")
    assert "mAP" not in text


def test_a_detector_has_the_map_of_its_boxes():
    text = line({"losses/train.total_loss": 1.0, "metrics/test.mAP@50:95": 12.34})
    assert text == "epoch 3/10: train loss 1, mAP of boxes 12.3"
