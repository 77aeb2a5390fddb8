"""Decide which networks of a shuffle to train, and where each training starts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.cluster.sbatch import OwnJob
from dlcx.errors import DlcxError, in_file
from dlcx.formats.shuffles.dlcx_config import shuffle_dlcx_config, weights_source
from dlcx.project import DETECTOR, Shuffle
from dlcx.training.detector_stage import detector_stage
from dlcx.training.pose_stage import pose_stage
from dlcx.training.result import lacks_conditions
from dlcx.training.resume import ResumePoint, choose_resume_point
from dlcx.training.stage import TrainingStage

if TYPE_CHECKING:
    from dlcx.settings import DlcxConfig, ModelConfig

log = logging.getLogger(__name__)


def plan_stages(
    shuffle: Shuffle, config: ModelConfig, own: DlcxConfig, resume: str, *, overwrite: bool, job: OwnJob
) -> list[tuple[TrainingStage, ResumePoint]]:
    """Return the stages to train, the detector first, with the point at which each starts.

    All checks that do not need the training itself are made here.

    Raises
    ------
    DlcxError
        If a stage cannot start.
    """
    todo = []
    of_detector = Path(resume).name.startswith(shuffle.prefix(DETECTOR))
    for make in (detector_stage, pose_stage):
        stage = make(shuffle, config, own)
        if stage is None or not stage.settings.epochs:
            continue
        stage_resume = resume if resume == "none" or stage.is_detector == of_detector else "auto"
        point = choose_resume_point(
            shuffle,
            stage_resume,
            prefix=stage.prefix,
            detector=stage.is_detector,
            continued=stage.resume_from,
            overwrite=overwrite,
            job=job.name if job.again else "",
        )
        if point.source is not None:  # keep the initial weights that it started from
            stage = make(shuffle, config, shuffle_dlcx_config(shuffle)) or stage
        todo.append((stage, point))
    if not todo:
        raise DlcxError("--epochs 0: nothing is left to train")
    for stage, point in todo:
        if len(todo) > 1:
            with in_file(shuffle.model_config_path):
                stage.check_keys()
        stage.check_schedule()
        if point.source is None:
            stage.check_weights()
    return todo


def with_initial_weights(
    shuffle: Shuffle, config: ModelConfig, weights: str | Path | None, detector_weights: str | Path | None
) -> DlcxConfig:
    """Return dlcx.yaml with the initial weights that the call names.

    Shuffles that DeepLabCut created may name theirs in ``train_settings.weight_init``.
    """
    stored = shuffle_dlcx_config(shuffle)
    if weights is None and not shuffle.dlcx_config_path.is_file() and config.train_settings.weight_init is not None:
        weights = "weight_init"
    elif weights is None and stored.weights != "weight_init" and config.train_settings.weight_init is not None:
        log.warning(
            "%s: train_settings.weight_init has no effect: training starts from %s, as train/dlcx.yaml says; "
            "use --weights weight_init to apply it",
            shuffle.model_config_path,
            stored.weights,
        )
    sources = {"weights": weights, "detector_weights": detector_weights}
    return stored.model_copy(update={key: weights_source(text) for key, text in sources.items() if text is not None})


def warn_of_plan(
    shuffle: Shuffle,
    config: ModelConfig,
    todo: Sequence[tuple[TrainingStage, ResumePoint]],
    given: Mapping[str, str | Path | None],
) -> None:
    """Warn about flags without effect and about settings that the trained network will need."""
    if lacks_conditions(config):
        log.warning(
            "inference.conditions of %s is empty. Training generates condition poses, but evaluate and analyze-video "
            "need a source of the poses that %s refines: add --conditions SHUFFLE|FILE there, or here "
            "--set 'inference.conditions={source: shuffle, shuffle: N}'",
            shuffle.model_config_path,
            config.net_type,
        )
    for stage, point in todo:
        if point.source is not None and given[stage.flag] is not None:
            log.warning(
                "%s %s has no effect: training resumes; use --resume none to start over", stage.flag, given[stage.flag]
            )
