"""What a training shows while it runs, and what it says of a network that has not learned."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import contextmanager

import pytest

from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.metrics.error_scale import ErrorScale, error_scale
from dlcx.progress import Progress, Task
from dlcx.training.checkpointer import Best
from dlcx.training.evaluation_line import evaluation_line
from dlcx.workflow.train import train

LENGTHS = ErrorScale(images=9, animal_size=80, guess_error=25)


class Reports(Progress):
    """Keeps the reports of a training, and when its learning curve was there."""

    def __init__(self, curve) -> None:
        self.found, self.curve, self.drawn = [], curve, []

    @contextmanager
    def task(self, title, total, unit, *, done=0):
        outer = self

        class Watch(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                outer.drawn.append(outer.curve.is_file())

            def report(self, line: str, numbers: Mapping[str, float]) -> None:
                outer.found.append((line, dict(numbers)))

        yield Watch()


def test_each_evaluation_is_reported_with_the_numbers_of_learning_stats(tiny):
    place = open_project(tiny).shuffle(1)
    reports = Reports(place.training_files().learning_curve)
    result = train(tiny, epochs=5, progress=reports)
    rows = {row["step"]: row for row in read_learning_stats(result.learning_stats)}
    assert [numbers["epoch"] for _, numbers in reports.found] == [2, 4]
    for line, numbers in reports.found:
        row = rows[numbers.pop("epoch")]
        assert numbers == pytest.approx({name: value for name, value in row.items() if name in numbers}, nan_ok=True)
        assert f"test error {row['metrics/test.rmse']:.2f} px" in line
    assert reports.found[0][0].startswith("epoch 2/5: train loss ")
    assert reports.found[0][0].endswith("; the best so far")
    # the curve appears while epochs are left: neither at the first step nor only at the end
    assert not reports.drawn[0]
    assert reports.drawn[-1]


@pytest.mark.parametrize(
    ("numbers", "best", "line"),
    [
        (
            {"losses/eval.total_loss": 0.5, "metrics/test.rmse": 4.0, "metrics/test.mAP": 90.123},
            Best(92.5, 10),
            "epoch 20/50: train loss 0.25, test loss 0.5, test error 4.00 px (5.0 % of the animals' size), mAP 90.1; "
            "best so far: epoch 10, test.mAP 92.50",
        ),
        (
            {"metrics/test.rmse": math.nan, "metrics/test.mAP": 0.0},
            None,
            "epoch 20/50: train loss 0.25, no keypoint found in the test images, mAP 0.0",
        ),
        (
            {"metrics/test.mAP@50:95": 61.25},
            Best(61.25, 20),
            "epoch 20/50: train loss 0.25, mAP of boxes 61.2; the best so far",
        ),
    ],
)
def test_the_line_of_an_evaluation(numbers, best, line):
    numbers = {"losses/train.total_loss": 0.25} | numbers
    assert evaluation_line(20, 50, numbers, error_scale=LENGTHS, key_metric="test.mAP", best=best) == line


def test_a_network_that_has_not_learned_is_named(tiny, caplog):
    """After an epoch with a learning rate of nothing its error is that of random weights."""
    labels, split = load_training_set(open_project(tiny).shuffle(1))
    expected = error_scale([labels.pose(row) for row in split.test.tolist()])
    with caplog.at_level(logging.WARNING, "dlcx"):
        result = train(tiny, epochs=2, overrides=["runner.optimizer.params.lr=1e-12"])
    assert result.test_error >= expected.guess_error
    assert result.animal_size == pytest.approx(expected.animal_size)
    assert result.test_images == 2
    assert f"{result.test_error:.1f} px is no better than placing every bodypart" in result.not_learned
    (warning,) = [record.getMessage() for record in caplog.records if "has not learned" in record.getMessage()]
    assert warning.startswith("tinyJan2-trainset80shuffle1 has not learned: its error of ")
    assert "train it for more epochs (--epochs N)" in warning
    share = 100 * result.test_error / expected.animal_size
    assert f"test error: {result.test_error:.2f} px ({share:.1f} % of the animals' size) on 2 test images" in "\n".join(
        result.lines()
    )


def test_a_network_that_has_learned_is_not(tiny, caplog):
    with caplog.at_level(logging.WARNING, "dlcx"):
        result = train(tiny, epochs=30, overrides=["runner.optimizer.params.lr=0.003", "runner.eval_interval=30"])
    assert result.not_learned == ""
    assert [record.getMessage() for record in caplog.records] == [
        "tinyJan2-trainset80shuffle1: only 2 test images have labels, so the test error says little; label more frames "
        "or lower TrainingFraction in config.yaml"
    ]
