"""Numbers of a training reach who asked for them."""

from __future__ import annotations

import sys
from datetime import datetime
from types import SimpleNamespace

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.learning_stats import read_learning_stats
from dlcx.training.loggers import Statistics, TrainLog, build_logger
from dlcx.workflow.train import train


class Run:
    """What wandb.init gives."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict]] = []
        self.finished = False

    def log(self, numbers: dict, step: int) -> None:
        self.logged.append((step, numbers))

    def finish(self) -> None:
        self.finished = True


def test_weights_and_biases_is_told_each_epoch_and_the_end(tiny, monkeypatch):
    run, asked = Run(), []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **options: asked.append(options) or run))
    result = train(
        tiny, epochs=2, overrides=["logger={type: WandbLogger, project_name: mice, wandb_kwargs: {tags: [a]}}"]
    )
    assert (asked[0]["project"], asked[0]["tags"]) == ("mice", ["a"])
    assert run.finished
    rows = read_learning_stats(result.learning_stats)
    assert [step for step, _ in run.logged] == [1, 2]
    assert run.logged[0][1]["losses/train.total_loss"] == pytest.approx(rows[0]["losses/train.total_loss"])


@pytest.mark.parametrize(("kind", "module"), [("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")])
def test_a_package_that_is_missing_is_named_before_the_training_begins(tiny, monkeypatch, kind, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DlcxError, match=f"--logger {kind}: the package {kind} is not installed") as caught:
        train(tiny, logger=kind)
    assert caught.value.hint == f"pip install {kind}"


def test_tensorboard_gets_a_scalar_for_each_number(tmp_path, monkeypatch):
    scalars = []

    class Writer:
        def __init__(self, folder: str) -> None:
            scalars.append(folder)

        def add_scalar(self, *scalar: object) -> None:
            scalars.append(scalar)

        def flush(self) -> None:
            pass

        def close(self) -> None:
            scalars.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    logger = build_logger("tensorboard", tmp_path, {})
    logger.log(3, {"a": 1.0, "b": 2.0})
    logger.close()
    assert scalars == [str(tmp_path / "tensorboard"), ("a", 1.0, 3), ("b", 2.0, 3), "closed"]


def test_statistics_are_continued_and_what_is_trained_again_is_forgotten(tmp_path):
    path = tmp_path / "learning_stats.csv"
    first = Statistics(path)
    for epoch in (1, 2, 3):
        first.log(epoch, {"losses/train.total_loss": 1.0 / epoch})
    again = Statistics(path)
    again.drop_after(1)
    again.log(2, {"losses/train.total_loss": 7.0})
    assert [(row["step"], row["losses/train.total_loss"]) for row in read_learning_stats(path)] == [(1, 1.0), (2, 7.0)]


def test_lines_of_the_log_carry_their_time(tmp_path):
    log = TrainLog(tmp_path / "train.txt")
    log.say("Epoch 1/2")
    log.say("Epoch 2/2")
    lines = (tmp_path / "train.txt").read_text().splitlines()
    assert [line[20:] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert datetime.strptime(lines[0][:19], "%Y-%m-%d %H:%M:%S")
