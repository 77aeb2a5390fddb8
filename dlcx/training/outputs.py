"""The files that a training writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlcx.training.checkpointer import Checkpointer
from dlcx.training.loggers import Statistics, TrainLog


@dataclass
class TrainingOutputs:
    """The files of a training, which the first process writes."""

    checkpointer: Checkpointer
    statistics: Statistics
    log: TrainLog
    state: Path
