"""Numbers of a training reach who asked for them."""

from __future__ import annotations

import sys
from datetime import datetime
from types import SimpleNamespace

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import parse_yaml
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.training.loggers import Statistics, TrainLog, build_logger, chosen_logger
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


def test_every_option_of_the_run_reaches_wandb(tiny, monkeypatch):
    asked = []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **options: asked.append(options) or Run()))
    block = "{type: WandbLogger, run_name: first, entity: lab, tags: [mice], wandb_kwargs: {mode: offline, group: g}}"
    train(tiny, epochs=1, overrides=[f"logger={block}"])
    del asked[0]["dir"]
    assert asked == [
        {
            "project": "deeplabcut",
            "name": "first",
            "entity": "lab",
            "tags": ["mice"],
            "mode": "offline",
            "group": "g",
        }
    ]


@pytest.mark.parametrize(
    ("block", "message", "hint"),
    [
        ("{type: WandbLoger}", "logger.type: no logger 'WandbLoger'", "WandbLogger"),
        ("{type: WandbLogger, name: x}", "logger: name is not allowed", "logger.run_name"),
        ("{type: WandbLogger, wandb_kwargs: {project: x}}", "logger: project is not allowed", "logger.project_name"),
        ("{type: WandbLogger, wandb_kwargs: {dir: /tmp/elsewhere}}", "logger: dir is not allowed", "WANDB_"),
        ("{type: WandbLogger, dir: ../../..}", "logger: dir is not allowed", "WANDB_"),
        ("{type: WandbLogger, wandb_kwargs: {settings: {base_url: h}}}", "logger: settings is not allowed", "WANDB_"),
        ("{type: WandbLogger, wandb_kwargs: {config: /etc/passwd}}", "logger: config: expected dict", ""),
        ("{type: WandbLogger, wandb_kwargs: [project]}", "logger.wandb_kwargs: expected a mapping", ""),
        ("{type: WandbLogger, wandb_kwargs: 5}", "logger.wandb_kwargs: expected a mapping", ""),
        ("{type: WandbLogger, run_name: 5}", "logger: name: expected str, got 5", ""),
        ("{type: [WandbLogger]}", "logger.type: no logger", ""),
    ],
)
def test_a_logger_that_does_not_fit_is_refused(tiny, block, message, hint):
    with pytest.raises(DlcxError, match=message) as caught:
        train(tiny, epochs=1, overrides=[f"logger={block}"])
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ("{type: CSVLogger, log_filename: mine.csv}", "logger.log_filename: mine.csv has no effect"),
        ("{type: WandbLogger, image_log_interval: 5}", "logger.image_log_interval: 5 has no effect"),
    ],
)
def test_options_of_a_logger_without_effect_are_named(block, named, caplog):
    assert chosen_logger(None, parse_yaml(block, "here")) in ("csv", "wandb")
    assert named in caplog.text


def test_a_logger_is_checked_when_nothing_is_left_to_train(tiny):
    train(tiny, epochs=1)
    with pytest.raises(DlcxError, match="--logger wandbb: expected csv, tensorboard or wandb"):
        train(tiny, epochs=1, logger="wandbb")


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
    log.write("Epoch 1/2")
    log.write("Epoch 2/2")
    lines = (tmp_path / "train.txt").read_text().splitlines()
    assert [line[20:] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert datetime.strptime(lines[0][:19], "%Y-%m-%d %H:%M:%S")
