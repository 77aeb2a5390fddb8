"""Start a training stage: load its weights or state, and replace the files of an earlier training."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.errors import DlcxError
from dlcx.file_transaction import replace_files, replacement_lock
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config, write_dlcx_config
from dlcx.locks import exclusive_edit
from dlcx.training.learning_curve import LearningCurve
from dlcx.training.result import Trained
from dlcx.training.resume import ResumePoint
from dlcx.training.stage import TrainingStage

if TYPE_CHECKING:
    from dlcx.settings import DlcxConfig, ModelConfig
    from dlcx.training.loggers import Logger
    from dlcx.training.loop import Training

log = logging.getLogger(__name__)


def start_stage(training: Training, stage: TrainingStage, point: ResumePoint) -> None:
    """Load the weights or state that the training starts from, and warn about changed settings.

    Raises
    ------
    DlcxError
        If the state or snapshot is invalid, or the snapshot has more epochs than the training.
    """
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.training.checkpointer import best_so_far
    from dlcx.training.resume_state import read_state

    if point.state:
        state = read_state(point.state)
        changed = {name for name, value in training.fingerprint.items() if state["recipe"].get(name) != value}
        if changed:
            names = ", ".join(sorted(changed))
            log.warning("changed since epoch %s: %s; the new values apply from here on", state.get("epoch"), names)
        training.restore(state, changed, str(point.state))
    elif point.snapshot:
        found = read_snapshot(point.snapshot.path)
        training.continue_from(found, str(point.snapshot.path))
        if found.epoch and not found.optimizer:
            log.warning("%s has no optimizer state; the optimizer starts over", point.snapshot.path.name)
        if not point.foreign:
            training.outputs.checkpointer.best = best_so_far(stage.shuffle, stage.runner.key_metric, stage.prefix)
    elif training.group.is_main:  # the others receive its weights
        log.info("%s", stage.load_initial_weights(training.model))
    training.outputs.statistics.drop_after(training.epoch)
    total = training.schedule.epochs
    if point.foreign and training.epoch >= total:
        flag = "--detector-epochs" if stage.is_detector else "--epochs"
        raise DlcxError(
            f"{point.source} already has {training.epoch} epochs, and {flag} {total} is the total",
            hint=f"Request more than {training.epoch} epochs, or use its weights as initial weights with "
            f"{stage.flag} PATH.",
        )


def replace_outdated(stage: TrainingStage, point: ResumePoint, own: DlcxConfig, outdated: Sequence[Path]) -> None:
    """Store the initial weights in dlcx.yaml and delete the files of an earlier training, all of them or none."""
    if point.source is None:
        _remember(stage, own)
    if outdated:
        root = stage.shuffle.project.root
        with replacement_lock(root), replace_files(root, moved=list(outdated)):
            pass


def _remember(stage: TrainingStage, own: DlcxConfig) -> None:
    """Write the source of a network's initial weights to dlcx.yaml."""
    path = stage.shuffle.dlcx_config_path
    with exclusive_edit(path):
        stored = read_dlcx_config(path)
        named = stored.model_copy(update={stage.metadata_key: getattr(own, stage.metadata_key)})
        if named != stored:
            write_dlcx_config(named, path)


def epoch_loggers(stage: TrainingStage, training: Training, config: ModelConfig, kind: str) -> list[Logger]:
    """Return the learning curve and the logger that ``kind`` and ``logger`` in pytorch_config.yaml name."""
    from dlcx.training.loggers import build_logger

    options = {name: value for name, value in (config.logger or {}).items() if name != "type"}
    if stage.is_detector and options.get("run_name"):
        options["run_name"] = f"{options['run_name']}-detector"
    found = build_logger(kind, stage.shuffle.train_dir, options)
    curve = LearningCurve(stage, training)
    return [curve] if found is None else [found, curve]


def warn_of_result(stage: TrainingStage, training: Training, trained: Trained) -> None:
    """Warn if a network has not learned, or if the test images cannot show it."""
    name = f"the detector of {stage.shuffle.name}" if stage.is_detector else stage.shuffle.name
    if trained.not_learned:
        log.warning(
            "%s has not learned: %s; train it for more epochs (%s N) and inspect its labels with dlcx check-labels",
            name,
            trained.not_learned,
            "--detector-epochs" if stage.is_detector else "--epochs",
        )
    elif (text := training.error_scale.warning()) and training.evaluate and not stage.is_detector:
        log.warning("%s: %s; label more frames or lower TrainingFraction in config.yaml", stage.shuffle.name, text)
