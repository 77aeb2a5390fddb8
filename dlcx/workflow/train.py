"""Train the network of a shuffle, for a top-down network its detector first, or resume a training."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from dlcx.cluster.sbatch import own_job
from dlcx.errors import DlcxError, Stopped
from dlcx.file_transaction import recover
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config, update_model_config, with_overrides
from dlcx.locks import locked
from dlcx.nets.registry import untrainable
from dlcx.options.cluster import JobOptions
from dlcx.options.commands.train import TrainOptions
from dlcx.options.entry_points import keyword_options
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle
from dlcx.settings.ignored_keys import IN_TRAINING, warn_ignored_keys
from dlcx.stopping import stop_on_signals
from dlcx.training.gpus import choose_gpu
from dlcx.training.launch import train_in_processes
from dlcx.training.learning_curve import draw_curve
from dlcx.training.loggers import check_logger, chosen_logger
from dlcx.training.plan_stages import plan_stages, warn_of_plan, with_initial_weights
from dlcx.training.result import (
    Trained,
    TrainResult,
    train_result,
    trained_net,
    untouched_net,
)
from dlcx.training.slurm import SubmittedTraining, submit_training
from dlcx.training.start_stage import epoch_loggers, replace_outdated, start_stage, warn_of_result

if TYPE_CHECKING:
    from dlcx.options.keywords import TrainKeywords
    from dlcx.settings import ModelConfig
    from dlcx.training.loggers import Logger

log = logging.getLogger(__name__)


@keyword_options(TrainOptions)
def train(
    project: str | Path | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[TrainKeywords],
) -> TrainResult | SubmittedTraining:
    """Train a shuffle's network; write snapshots, learning_stats.csv and learning_curve.png to its ``train`` folder.

    The detector of a top-down network is trained first and has its own files.  Finished stages are not repeated.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    TrainResult or SubmittedTraining
        Trained stages or, with ``cluster``, the submitted job.

    Raises
    ------
    Stopped
        On SIGTERM or SIGUSR1.  To resume, repeat the call, without ``resume`` if it was given.
    DlcxError
        If an option, file or folder is invalid, or a loss is not finite.
    """
    options = TrainOptions.of(project=project, **keywords)
    if options.cluster is not None:
        shuffle = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
        _configured(shuffle, shuffle_config(shuffle), options)
        return submit_training(shuffle, options)
    if job_flags := [*options.given(JobOptions), *options.given(TrainOptions, "nodes")]:
        raise DlcxError(f"{job_flags[0]} is for --cluster slurm", hint="Add it, or leave the other out.")
    if options.devices > 1:
        return train_in_processes(options, progress)
    from dlcx.training.join_process_group import join_process_group

    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        group = stack.enter_context(join_process_group())
        place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
        lock = None
        if group.is_main:
            recover(place.project.root)
            if place.train_dir.is_dir():  # lock first: 'create-dataset --overwrite' may replace the config
                lock = stack.enter_context(locked(place.train_lock, f"the training of {place.name}"))
        before = shuffle_config(place)
        config = _configured(place, before, options)
        kind = chosen_logger(options.logger, config.logger)
        check_logger(kind)
        device = group.device(options.device, preferred=config.device, net_type=config.net_type)
        device = choose_gpu(device, config, single_process=group.count == 1)
        from dlcx.engines.devices import choose_device  # imports torch, so run the other checks first

        choose_device(config.device if device == "auto" else device, config.net_type)  # raises if the device is missing
        warn_ignored_keys(config, place.model_config_path, IN_TRAINING)
        dlcx_config = with_initial_weights(place, config, options.weights, options.detector_weights)
        job = own_job()
        planned = plan_stages(place, config, dlcx_config, options.resume, overwrite=options.overwrite, job=job)
        warn_of_plan(
            place, config, planned, {"--weights": options.weights, "--detector-weights": options.detector_weights}
        )
        group.barrier()  # wait until all processes have read the files written below
        # collect over all stages: if training stops early, a later stage that restarts must not resume old files
        outdated = [path for _, point in planned if point.source is None for path in point.outdated]
        trained: dict[str, Trained] = {}
        for stage, point in planned:
            compiled = options.engine == "compile"
            schedule = stage.schedule(early_stop=options.early_stop, precision=options.precision, compiled=compiled)
            training = stage.training(schedule, group, device=device, workers=options.workers)
            training.job, training.lock = job.name, lock
            start_stage(training, stage, point)
            before_epochs = training.epoch
            listeners: list[Logger] = []
            if group.is_main:
                listeners = epoch_loggers(stage, training, config, kind) if training.is_unfinished else []
                if point.source is not None and training.is_unfinished:
                    outdated += point.outdated
                if not trained:  # only once, because the user may edit the file while the detector trains
                    update_model_config(before, config, place)
                replace_outdated(stage, point, dlcx_config, outdated)
            outdated = []  # files written from here on are new, not outdated
            if training.is_unfinished:
                try:
                    training.run(stop, listeners, progress if group.is_main else SILENT)
                except Stopped as stopped:
                    if options.resume != "auto" and not job.name:
                        stopped.hint = "Run the same command without --resume to resume."
                    raise
                finally:
                    if group.is_main:
                        draw_curve(stage, training)
            trained[stage.key_prefix] = trained_net(stage, training, before_epochs)
            if group.is_main:
                warn_of_result(stage, training, trained[stage.key_prefix])
        return train_result(place, config, trained.get("") or untouched_net(place, config), trained.get("detector."))


def _configured(place: Shuffle, before: ModelConfig, options: TrainOptions) -> ModelConfig:
    """Return ``before``, the content of pytorch_config.yaml, with the overrides of the options."""
    flags = {"epochs": options.epochs, "batch_size": options.batch_size, "seed": options.seed}
    given = [f"train_settings.{name}={value}" for name, value in flags.items() if value is not None]
    if before.detector is not None:
        flags = {"epochs": options.detector_epochs, "seed": options.seed}
        given += [f"detector.train_settings.{name}={value}" for name, value in flags.items() if value is not None]
    elif options.detector_epochs is not None:
        raise DlcxError(
            f"--detector-epochs {options.detector_epochs}: {place.name} has no detector",
            hint="Only top-down nets have one, see `dlcx list-models`.",
        )
    config = with_overrides(before, [*options.overrides, *given])
    if config.train_settings.epochs and (reason := untrainable(before.net_type)):
        raise DlcxError(
            f"{place.name}: {before.net_type} cannot be trained: {reason}",
            hint=f"{place.supply_hint} Train its detector alone with --epochs 0."
            if config.detector
            else place.supply_hint,
        )
    names, layout = config.metadata, place.project.layout
    for key, own, theirs in (
        ("bodyparts", names.bodyparts, layout.bodyparts),
        ("unique_bodyparts", names.unique_bodyparts, layout.unique),
    ):
        if tuple(own) != theirs:
            raise DlcxError(
                f"{place.model_config_path}: metadata.{key} is {list(own)}, but config.yaml says {list(theirs)}",
                hint="The project's bodyparts were changed since; create the dataset again.",
            )
    return config
