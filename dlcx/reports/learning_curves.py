"""Charts of losses and test errors over the epochs of a training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.project import Shuffle, Snapshot

if TYPE_CHECKING:
    from dlcx.reports.charts import Series

#: Charts: columns with their names and whether they belong to training images, and the label of the y axis.
LOSSES = ((("losses/train.total_loss", "training", True), ("losses/eval.total_loss", "test", False)), "total loss")
ERRORS = ((("metrics/test.rmse", "test", False),), "test error (px)")


def pose_curves(place: Shuffle, snapshot: Snapshot) -> str:
    """Render losses and test error of the pose network over the epochs."""
    from dlcx.reports.page import paragraph

    stats = TrainingStatistics(place.learning_stats_path)
    if not stats.rows:
        return paragraph("The training has no learning_stats.csv.", "soft")
    return "".join(stats.chart(what, snapshot) for what in (LOSSES, ERRORS))


def detector_curves(place: Shuffle, snapshot: Snapshot | None) -> str:
    """Render losses and mAP of a top-down network's detector; empty for other networks."""
    from dlcx.reports.charts import TEST, TRAINING, line_chart
    from dlcx.reports.page import paragraph

    if snapshot is None:
        return ""
    marks = [(snapshot.epoch, f"snapshot {snapshot.uid}")]
    stats = TrainingStatistics(place.training_files(detector=True).learning_stats)
    if not stats.rows:
        return paragraph("The training has no learning_stats_detector.csv.", "soft")
    losses = [stats.line("losses/train.total_loss", "training", TRAINING)]
    found = [
        stats.line("metrics/test.mAP@50:95", "mAP", TEST),
        stats.line("metrics/test.mAR@50:95", "mAR", TEST + 1),
    ]
    epochs = stats.epochs(snapshot)
    charts = (
        (losses, {"y_label": "total loss", "log": True}),
        (found, {"y_label": "boxes in test images (%)", "y_range": (0.0, 100.0)}),
    )
    return "".join(
        line_chart(
            [one for one in some if len(one.x)], x_label="epoch", marks=marks, x_range=epochs, whole=True, **look
        )
        for some, look in charts
    )


def small_curve(place: Shuffle, snapshot: Snapshot | None) -> str:
    """Render the test error over the epochs, or the losses if it was not measured; empty without numbers."""
    stats = TrainingStatistics(place.learning_stats_path)
    if not stats.rows:
        return ""
    return stats.chart(ERRORS, snapshot, height=190) or stats.chart(LOSSES, snapshot, height=190)


@dataclass(frozen=True)
class TrainingStatistics:
    """The content of a learning_stats.csv."""

    path: Path

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """One row per epoch."""
        return read_learning_stats(self.path)

    def epochs(self, snapshot: Snapshot | None) -> tuple[float, float]:
        """First and last epoch, the common x range of all charts."""
        steps = [row["step"] for row in self.rows] + ([float(snapshot.epoch)] if snapshot else [])
        return min(steps), max(steps)

    def line(self, column: str, title: str, color: int) -> Series:
        """A column over the epochs that have a value."""
        from dlcx.reports.charts import Series

        values = np.array([row.get(column, np.nan) for row in self.rows])
        known = np.isfinite(values)
        return Series(title, np.array([row["step"] for row in self.rows], float)[known], values[known], color=color)

    def chart(
        self, what: tuple[tuple[tuple[str, str, bool], ...], str], snapshot: Snapshot | None, *, height: int = 260
    ) -> str:
        """Render :data:`LOSSES` or :data:`ERRORS` over the epochs, with a mark at the snapshot."""
        from dlcx.reports.charts import TEST, TRAINING, line_chart

        columns, label = what
        lines = [self.line(column, title, TRAINING if of_training else TEST) for column, title, of_training in columns]
        return line_chart(
            [one for one in lines if len(one.x)],
            x_label="epoch",
            y_label=label,
            log=True,
            height=height,
            marks=[(snapshot.epoch, f"snapshot {snapshot.uid}")] if snapshot else [],
            x_range=self.epochs(snapshot),
            whole=True,
        )
