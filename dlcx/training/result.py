"""What ``dlcx train`` has made, and how it is told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.metrics.error_scale import ErrorScale
from dlcx.next_steps import USUAL_EPOCHS, analyze_step, command_line
from dlcx.project import DETECTOR, Shuffle

if TYPE_CHECKING:
    from dlcx.settings import ModelConfig
    from dlcx.training.loop import Training
    from dlcx.training.stage import TrainingStage


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One network of a shuffle; ``epoch`` epochs are behind it, ``trained`` of them in this call.

    ``test_error`` is the mean error of the last evaluation, in pixels of the whole image; ``animal_size`` is the median
    diagonal of the animals in the ``test_images``.  ``not_learned`` says why the last evaluation shows that the network
    has not learned; empty where it does not show that.
    """

    shuffle: str
    epoch: int
    trained: int
    stopped_early: bool
    snapshots: tuple[Path, ...]
    key_metric: str
    best_epoch: int | None
    best_score: float | None
    test_error: float | None
    animal_size: float | None
    test_images: int
    not_learned: str
    learning_stats: Path
    learning_curve: Path | None

    def facts(self, name: str, flag: str) -> list[str]:
        """One fact a line; ``name`` is what the net is called, ``flag`` what its epochs are asked for with."""
        count = f"{self.epoch} epoch" + ("s" if self.epoch != 1 else "")
        if self.trained:
            said = [f"trained: {name}, {count}"]
        elif self.epoch:
            said = [f"already trained: {name}, {count}; a larger {flag} trains on"]
        else:
            return [f"not trained: {name}, {flag} 0"]
        if self.stopped_early:
            said.append(f"stopped early: {self.key_metric} no longer became better")
        if self.best_epoch is not None:
            said.append(f"best: epoch {self.best_epoch}, {self.key_metric} {self.best_score:.2f}")
        if self.test_error is not None:
            error = ErrorScale(animal_size=self.animal_size or math.nan).describe(self.test_error)
            images = f"{self.test_images} test image" + ("s" if self.test_images != 1 else "")
            said.append(f"test error: {error} on {images} at the last evaluation")
        said.extend(f"snapshot: {path}" for path in self.snapshots)
        said.append(f"learning stats: {self.learning_stats}")
        return said + ([f"learning curve: {self.learning_curve}"] if self.learning_curve else [])


@dataclass(frozen=True, kw_only=True)
class TrainResult(Trained):
    """What a training has made: of the pose net and, where it has one that was asked for, of its detector."""

    detector: Trained | None = None
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        first = [] if self.detector is None else self.detector.facts(f"detector of {self.shuffle}", "--detector-epochs")
        return first + self.facts(self.shuffle, "--epochs")


def trained_net(stage: TrainingStage, training: Training, before: int) -> Trained:
    """A net after its training, which had ``before`` epochs behind it."""
    rows = training.outputs.statistics.rows
    errors = [row["metrics/test.rmse"] for row in rows if "metrics/test.rmse" in row]
    best, curve = training.outputs.checkpointer.best, stage.files.learning_curve
    return Trained(
        shuffle=stage.place.name,
        epoch=training.epoch,
        trained=training.epoch - before,
        stopped_early=training.epoch < training.schedule.epochs,
        snapshots=tuple(snapshot.path for snapshot in stage.place.snapshots(stage.prefix)),
        key_metric=stage.runner.key_metric,
        best_epoch=best.epoch if best else None,
        best_score=best.score if best else None,
        test_error=errors[-1] if errors and math.isfinite(errors[-1]) else None,
        animal_size=training.yardstick.animal_size if math.isfinite(training.yardstick.animal_size) else None,
        test_images=training.yardstick.images,
        not_learned=_not_learned(rows, training.yardstick),
        learning_stats=stage.files.learning_stats,
        learning_curve=curve if curve.is_file() else None,
    )


def _not_learned(rows: Sequence[Mapping[str, float]], yardstick: ErrorScale) -> str:
    """Why the last evaluation shows that a network has not learned; empty where it does not show that."""
    evaluated = [row for row in rows if any(name.startswith("metrics/test.") for name in row)]
    if not evaluated or not yardstick.images:
        return ""
    last = evaluated[-1]
    if last.get("metrics/test.mAP@50:95") == 0:
        return "the mAP of its boxes on the test images is 0"
    if "metrics/test.rmse" not in last:
        return ""
    return yardstick.verdict(last["metrics/test.rmse"])


def untouched_net(place: Shuffle, config: ModelConfig) -> Trained:
    """The pose net where only its detector was to be trained."""
    files = place.training_files()
    return Trained(
        shuffle=place.name,
        epoch=0,
        trained=0,
        stopped_early=False,
        snapshots=(),
        key_metric=config.runner.key_metric,
        best_epoch=None,
        best_score=None,
        test_error=None,
        animal_size=None,
        test_images=0,
        not_learned="",
        learning_stats=files.learning_stats,
        learning_curve=None,
    )


def train_result(place: Shuffle, config: ModelConfig, pose: Trained, detector: Trained | None) -> TrainResult:
    """The pose net and its detector, and what comes next."""
    facts = {item.name: getattr(pose, item.name) for item in fields(pose)}
    return TrainResult(**facts, detector=detector, next_steps=tuple(_next_steps(place, config, pose.epoch, detector)))


def _next_steps(place: Shuffle, config: ModelConfig, epoch: int, detector: Trained | None) -> list[str]:
    """Commands that run now: a training that was interrupted before its first snapshot leaves none to evaluate."""
    if not place.snapshots():
        epochs = str(epoch + 1 if epoch else USUAL_EPOCHS)
        return [f"No snapshot is saved yet. Next: {command_line('train', '--epochs', epochs, *place.flags)}"]
    flags = ["--conditions", str(finder)] if (finder := _finder(place, config)) else []
    if lacks_conditions(config) and not flags:
        return ["Train a bottom-up network on another shuffle: this one corrects its poses."]
    steps = [f"Next: {command_line('evaluate', *place.flags, *flags)}"]
    if config.method == "td" and not place.snapshots(DETECTOR):
        epochs = str(detector.epoch + 1 if detector and detector.epoch else USUAL_EPOCHS)
        train = command_line("train", "--detector-epochs", epochs, *place.flags)
        return [*steps, f"To analyze videos, train its detector: {train}"]
    return [*steps, f"Then: {analyze_step(place, *flags)}"]


def read_result(text: str) -> TrainResult:
    """The result that another process printed with ``--json``."""
    return TrainResult(**_typed(json.loads(text)))


def _typed(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts of a :class:`Trained` as JSON has them, in their types."""
    if facts.get("detector") is not None:
        facts["detector"] = Trained(**_typed(facts["detector"]))
    curve = facts["learning_curve"]
    return facts | {
        "snapshots": tuple(map(Path, facts["snapshots"])),
        "learning_stats": Path(facts["learning_stats"]),
        "learning_curve": None if curve is None else Path(curve),
        **({"next_steps": tuple(facts["next_steps"])} if "next_steps" in facts else {}),
    }


def _finder(place: Shuffle, config: ModelConfig) -> int | None:
    """A trained shuffle whose poses a conditional network without conditions of its own can correct."""
    if not lacks_conditions(config):
        return None
    for other in place.project.shuffles():
        with suppress(DlcxError):
            if other.number != place.number and other.snapshots() and shuffle_config(other).method == "bu":
                return other.number
    return None


def lacks_conditions(config: ModelConfig) -> bool:
    """Whether it is a conditional net and nothing finds the poses that it corrects."""
    return config.method == "ctd" and config.inference.conditions is None
