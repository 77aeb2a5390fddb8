"""The learning curve of a training, redrawn while it trains."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING

from dlcx.training.stage import TrainingStage

if TYPE_CHECKING:
    from dlcx.training.loop import Training

#: Maximum fraction of the training time spent on drawing.
DRAWING_SHARE = 0.02


class LearningCurve:
    """Redraws the learning curve after evaluations."""

    def __init__(self, stage: TrainingStage, training: Training) -> None:
        self._part, self._training = stage, training
        self._begun, self._spent = monotonic(), 0.0

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Redraw the curve if the epoch was evaluated and drawing does not slow the training down."""
        begun = monotonic()
        evaluated = any(name.startswith("metrics/") for name in numbers)
        if evaluated and self._spent <= DRAWING_SHARE * (begun - self._begun):
            draw_curve(self._part, self._training)
            self._spent += monotonic() - begun

    def close(self) -> None:
        """Do nothing: no file is open."""


def draw_curve(stage: TrainingStage, training: Training) -> None:
    """Draw the learning curve, unless another training has locked the folder."""
    from dlcx.visuals.learning_curve import plot_learning_curve

    rows = training.outputs.statistics.rows
    if rows and (training.lock is None or training.lock.is_held):
        best = training.outputs.checkpointer.best
        title = f"{stage.shuffle.name}, detector" if stage.is_detector else stage.shuffle.name
        plot_learning_curve(rows, stage.files.learning_curve, title=title, best=best.epoch if best else None)
