"""What ``dlcx train`` has made, and how it is told."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.project import Shuffle

if TYPE_CHECKING:
    from dlcx.settings import ModelConfig
    from dlcx.training.loop import Training
    from dlcx.workflow.training.part import Part


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One net of a shuffle; ``epoch`` epochs are behind it, ``trained`` of them in this call."""

    shuffle: str
    epoch: int
    trained: int
    stopped_early: bool
    snapshots: tuple[Path, ...]
    key_metric: str
    best_epoch: int | None
    best_score: float | None
    test_error: float | None
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
            said.append(f"test error: {self.test_error:.2f} px at the last evaluation")
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


def trained_net(part: Part, training: Training, before: int) -> Trained:
    """A net after its training, which had ``before`` epochs behind it."""
    errors = [row["metrics/test.rmse"] for row in training.files.statistics.rows if "metrics/test.rmse" in row]
    best, curve = training.files.keeper.best, part.files.learning_curve
    return Trained(
        shuffle=part.place.name,
        epoch=training.epoch,
        trained=training.epoch - before,
        stopped_early=training.epoch < training.course.epochs,
        snapshots=tuple(snapshot.path for snapshot in part.place.snapshots(part.prefix)),
        key_metric=part.runner.key_metric,
        best_epoch=best.epoch if best else None,
        best_score=best.score if best else None,
        test_error=errors[-1] if errors and math.isfinite(errors[-1]) else None,
        learning_stats=part.files.learning_stats,
        learning_curve=curve if curve.is_file() else None,
    )


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
        learning_stats=files.learning_stats,
        learning_curve=None,
    )


def train_result(place: Shuffle, config: ModelConfig, pose: Trained, detector: Trained | None) -> TrainResult:
    """The pose net and its detector, and what comes next."""
    flags = "".join(f" {word}" for word in place.flags)
    flags += " --conditions SHUFFLE|FILE" if lacks_conditions(config) else ""
    steps: tuple[str, ...] = (f"Next: dlcx evaluate{flags}", f"Then: dlcx analyze-video VIDEO{flags}")
    if not pose.epoch:
        steps = (f"Next: dlcx train --epochs N{flags}",)
    facts = {item.name: getattr(pose, item.name) for item in fields(pose)}
    return TrainResult(**facts, detector=detector, next_steps=steps)


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


def lacks_conditions(config: ModelConfig) -> bool:
    """Whether it is a conditional net and nothing finds the poses that it corrects."""
    return config.method == "ctd" and config.inference.conditions is None
