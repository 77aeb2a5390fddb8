"""The result of ``dlcx train``."""

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
from dlcx.next_steps import USUAL_EPOCHS, analyze_step
from dlcx.options.command_line import command_after
from dlcx.options.commands.evaluate import EvaluateOptions
from dlcx.options.commands.train import TrainOptions
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

    def report_lines(self, name: str, flag: str) -> list[str]:
        """Facts to print, one per line.

        Parameters
        ----------
        name
            How to call the network.
        flag
            The flag of its number of epochs.
        """
        count = f"{self.epoch} epoch" + ("s" if self.epoch != 1 else "")
        if self.trained:
            lines = [f"trained: {name}, {count}"]
        elif self.epoch:
            lines = [f"already trained: {name}, {count}; increase {flag} to train longer"]
        else:
            return [f"not trained: {name}, {flag} 0"]
        if self.stopped_early:
            lines.append(f"stopped early: {self.key_metric} stopped improving")
        if self.best_epoch is not None:
            lines.append(f"best: epoch {self.best_epoch}, {self.key_metric} {self.best_score:.2f}")
        if self.test_error is not None:
            error = ErrorScale(animal_size=self.animal_size or math.nan).describe(self.test_error)
            images = f"{self.test_images} test image" + ("s" if self.test_images != 1 else "")
            lines.append(f"test error: {error} on {images} at the last evaluation")
        lines.extend(f"snapshot: {path}" for path in self.snapshots)
        lines.append(f"learning stats: {self.learning_stats}")
        return lines + ([f"learning curve: {self.learning_curve}"] if self.learning_curve else [])


@dataclass(frozen=True, kw_only=True)
class TrainResult(Trained):
    """What a training has made: of the pose net and, where it has one that was asked for, of its detector."""

    detector: Trained | None = None
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Facts to print, one per line."""
        detector = self.detector
        first = [] if detector is None else detector.report_lines(f"detector of {self.shuffle}", "--detector-epochs")
        return first + self.report_lines(self.shuffle, "--epochs")


def trained_net(stage: TrainingStage, training: Training, before: int) -> Trained:
    """Summarize a network after training; ``before`` is the number of epochs before this call."""
    rows = training.outputs.statistics.rows
    errors = [row["metrics/test.rmse"] for row in rows if "metrics/test.rmse" in row]
    best, curve = training.outputs.checkpointer.best, stage.files.learning_curve
    return Trained(
        shuffle=stage.shuffle.name,
        epoch=training.epoch,
        trained=training.epoch - before,
        stopped_early=training.epoch < training.schedule.epochs,
        snapshots=tuple(snapshot.path for snapshot in stage.shuffle.snapshots(stage.prefix)),
        key_metric=stage.runner.key_metric,
        best_epoch=best.epoch if best else None,
        best_score=best.score if best else None,
        test_error=errors[-1] if errors and math.isfinite(errors[-1]) else None,
        animal_size=training.error_scale.animal_size if math.isfinite(training.error_scale.animal_size) else None,
        test_images=training.error_scale.images,
        not_learned=_not_learned(rows, training.error_scale),
        learning_stats=stage.files.learning_stats,
        learning_curve=curve if curve.is_file() else None,
    )


def _not_learned(rows: Sequence[Mapping[str, float]], error_scale: ErrorScale) -> str:
    """Return why the last evaluation shows that the network has not learned; empty if it does not."""
    evaluated = [row for row in rows if any(name.startswith("metrics/test.") for name in row)]
    if not evaluated or not error_scale.images:
        return ""
    last = evaluated[-1]
    if last.get("metrics/test.mAP@50:95") == 0:
        return "the mAP of its boxes on the test images is 0"
    if "metrics/test.rmse" not in last:
        return ""
    return error_scale.verdict(last["metrics/test.rmse"])


def untouched_net(shuffle: Shuffle, config: ModelConfig) -> Trained:
    """Summarize a pose network of which only the detector was trained."""
    files = shuffle.training_files()
    return Trained(
        shuffle=shuffle.name,
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


def train_result(shuffle: Shuffle, config: ModelConfig, pose: Trained, detector: Trained | None) -> TrainResult:
    """Combine the results of the pose network and its detector, and add the next steps."""
    facts = {item.name: getattr(pose, item.name) for item in fields(pose)}
    return TrainResult(**facts, detector=detector, next_steps=tuple(_next_steps(shuffle, config, pose.epoch, detector)))


def _next_steps(shuffle: Shuffle, config: ModelConfig, epoch: int, detector: Trained | None) -> list[str]:
    """Commands that can run now; a training interrupted before its first snapshot has none to evaluate."""
    if not shuffle.snapshots():
        train = command_after(TrainOptions, shuffle.options, epochs=epoch + 1 if epoch else USUAL_EPOCHS)
        return [f"No snapshot is saved yet. Next: {train}"]
    source = _condition_source(shuffle, config)
    if lacks_conditions(config) and not source:
        return ["Train a bottom-up network on another shuffle: this one refines its poses."]
    steps = [f"Next: {command_after(EvaluateOptions, shuffle.options, conditions=source)}"]
    if config.uses_detector and not shuffle.snapshots(DETECTOR):
        epochs = detector.epoch + 1 if detector and detector.epoch else USUAL_EPOCHS
        train = command_after(TrainOptions, shuffle.options, detector_epochs=epochs)
        return [*steps, f"To analyze videos, train its detector: {train}"]
    return [*steps, f"Then: {analyze_step(shuffle.project, shuffle.options, conditions=source)}"]


def read_result(text: str) -> TrainResult:
    """Parse the result that another process printed with ``--json``."""
    return TrainResult(**_typed(json.loads(text)))


def _typed(facts: dict[str, Any]) -> dict[str, Any]:
    """Convert JSON values of a :class:`Trained` to their types."""
    if facts.get("detector") is not None:
        facts["detector"] = Trained(**_typed(facts["detector"]))
    curve = facts["learning_curve"]
    return facts | {
        "snapshots": tuple(map(Path, facts["snapshots"])),
        "learning_stats": Path(facts["learning_stats"]),
        "learning_curve": None if curve is None else Path(curve),
        **({"next_steps": tuple(facts["next_steps"])} if "next_steps" in facts else {}),
    }


def _condition_source(shuffle: Shuffle, config: ModelConfig) -> int | None:
    """Return a trained shuffle whose poses can serve as conditions of a conditional network."""
    if not lacks_conditions(config):
        return None
    for other in shuffle.project.shuffles():
        with suppress(DlcxError):
            if other.number != shuffle.number and other.snapshots() and shuffle_config(other).uses_full_images:
                return other.number
    return None


def lacks_conditions(config: ModelConfig) -> bool:
    """Whether the network is conditional and its settings name no source of conditions."""
    return config.uses_conditions and config.inference.conditions is None
