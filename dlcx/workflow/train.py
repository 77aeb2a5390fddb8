"""Train the net of a shuffle and, where it is a top-down net, its detector first; or go on where training stopped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.cluster.sbatch import JobOptions, own_job, parse_sbatch
from dlcx.errors import DlcxError, Stopped
from dlcx.file_transaction import recover
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import shuffle_config, update_model_config, with_overrides
from dlcx.locks import locked
from dlcx.nets.registry import untrainable
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle
from dlcx.ranges import within_ranges
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
from dlcx.training.slurm import SubmittedTraining, checked_job, submit_training
from dlcx.training.start_stage import epoch_loggers, replace_outdated, start_stage, warn_of_result

if TYPE_CHECKING:
    from dlcx.settings import ModelConfig
    from dlcx.training.loggers import Logger

log = logging.getLogger(__name__)

#: Parameters that say where a training runs, not what it does.
_ELSEWHERE = {
    "devices",
    "cluster",
    "nodes",
    "partition",
    "time",
    "gpus",
    "cpus",
    "mem",
    "set_sbatch",
    "dry_run",
    "progress",
}


@within_ranges
def train(
    project: str | Path | None = None,
    *,
    shuffle: int = 1,
    trainset_index: int | None = None,
    epochs: int | None = None,
    detector_epochs: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: str = "fp32",
    compile: bool = False,
    workers: int | None = None,
    weights: str | Path | None = None,
    detector_weights: str | Path | None = None,
    resume: str = "auto",
    early_stop: int | None = None,
    logger: str | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    devices: int = 1,
    cluster: str | None = None,
    nodes: int = 1,
    partition: str | None = None,
    time: str | None = None,
    gpus: int | None = None,
    cpus: int | None = None,
    mem: str | None = None,
    set_sbatch: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> TrainResult | SubmittedTraining:
    """Train a shuffle's net; snapshots, learning_stats.csv and learning_curve.png go to its ``train`` folder.

    The detector of a top-down net is trained first, with files of its own; what is finished already stays as it is.

    Parameters
    ----------
    project
        Folder or config.yaml; None searches (:func:`dlcx.formats.project_config.open_project`).
    shuffle, trainset_index
        Which shuffle.
    epochs, detector_epochs
        How many in all, those of earlier runs included; 0 leaves the net or the detector out.
    batch_size, seed, overrides
        Replace values of pytorch_config.yaml (``overrides``: ``"key.path=value"``) and are written to it.  A batch is
        what all devices take together.
    device, precision, compile
        Where and how numbers are computed.
    workers
        Threads that prepare images ahead; the result does not depend on it.
    weights
        First weights: ``imagenet``, ``none``, a SuperAnimal (``superanimal_topviewmouse`` ...) or a file; remembered in
        dlcx.yaml.
    detector_weights
        Those of the detector: ``coco``, ``none`` or a file; remembered as well.  Default: ``none`` where the net has
        none, else ``coco``.
    resume
        ``auto`` goes on from the saved state, else from the last snapshot; ``none`` starts over; a path goes on from
        that snapshot, of the net or of the detector.  A job of SLURM that runs again goes on with what it has begun.
    early_stop
        End after so many evaluations without a better key metric.
    logger
        ``csv``, ``tensorboard`` or ``wandb``; learning_stats.csv is written always.
    overwrite
        Lets a training that starts over delete the snapshots of the one before.
    devices
        How many of this machine's train together, one process each; processes that ``torchrun`` has started train
        together anyway.  The first one writes.
    cluster, nodes
        ``slurm`` submits a job instead, on so many nodes with ``devices`` processes each, by default one for each of
        their ``gpus``.
    partition, time, gpus, cpus, mem, set_sbatch, dry_run
        Of SLURM's job: see :class:`dlcx.cluster.sbatch.JobOptions`; ``cpus`` are those of a process, ``set_sbatch`` are
        ``KEY=VALUE`` of sbatch, ``dry_run`` only returns the file.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; the same call goes on, without ``resume`` where that was given.
    DlcxError
        When a value, file or folder cannot be used, or a loss is not finite.
    """
    call = {name: value for name, value in locals().items() if name not in _ELSEWHERE}
    asked = JobOptions(partition, time, gpus, cpus, mem, parse_sbatch(set_sbatch))
    if cluster is not None:
        ordered = checked_job(cluster, asked, nodes=nodes, devices=devices, dry_run=dry_run)
        place = open_project(project).shuffle(shuffle, trainset_index)
        _configured(
            place,
            shuffle_config(place),
            epochs=epochs,
            detector_epochs=detector_epochs,
            batch_size=batch_size,
            seed=seed,
            overrides=overrides,
        )
        return submit_training(place, call, ordered)
    if asked != JobOptions() or nodes > 1 or dry_run:
        raise DlcxError("flags of a job are for --cluster slurm", hint="Add it, or leave them out.")
    if devices > 1:
        return train_in_processes(devices, call, progress)
    from dlcx.training.join_process_group import join_process_group

    with ExitStack() as stack:
        stop = stack.enter_context(stop_on_signals())
        group = stack.enter_context(join_process_group())
        place = open_project(project).shuffle(shuffle, trainset_index)
        lock = None
        if group.is_main:
            recover(place.project.root)
            if place.train_dir.is_dir():  # before reading it: 'create-dataset --overwrite' may replace it
                lock = stack.enter_context(locked(place.train_lock, f"the training of {place.name}"))
        before = shuffle_config(place)
        config = _configured(
            place,
            before,
            epochs=epochs,
            detector_epochs=detector_epochs,
            batch_size=batch_size,
            seed=seed,
            overrides=overrides,
        )
        kind = chosen_logger(logger, config.logger)
        check_logger(kind)
        device = group.device(device, preferred=config.device, net_type=config.net_type)
        device = choose_gpu(device, config, single_process=group.count == 1)
        from dlcx.engines.devices import choose_device  # imports torch: after all checks that do not need it

        choose_device(config.device if device == "auto" else device, config.net_type)  # raises if it is missing
        warn_ignored_keys(config, place.model_config_path, IN_TRAINING)
        dlcx_config = with_initial_weights(place, config, weights, detector_weights)
        job = own_job()
        planned = plan_stages(place, config, dlcx_config, resume, overwrite=overwrite, job=job)
        warn_of_plan(place, config, planned, {"--weights": weights, "--detector-weights": detector_weights})
        group.barrier()  # until all processes have read the files written below
        # for all stages before the first: a stage that starts over must not be resumed if training stops before it
        outdated = [path for _, point in planned if point.source is None for path in point.outdated]
        trained: dict[str, Trained] = {}
        for stage, point in planned:
            schedule = stage.schedule(early_stop=early_stop, precision=precision, compiled=compile)
            training = stage.training(schedule, group, device=device, workers=workers)
            training.job, training.lock = job.name, lock
            start_stage(training, stage, point)
            before_epochs = training.epoch
            listeners: list[Logger] = []
            if group.is_main:
                listeners = epoch_loggers(stage, training, config, kind) if training.is_unfinished else []
                if point.source is not None and training.is_unfinished:
                    outdated += point.outdated
                if not trained:  # once: the user may edit the file while the detector trains
                    update_model_config(before, config, place)
                replace_outdated(stage, point, dlcx_config, outdated)
            outdated = []  # from here on, files of these names are new
            if training.is_unfinished:
                try:
                    training.run(stop, listeners, progress if group.is_main else SILENT)
                except Stopped as stopped:
                    if resume != "auto" and not job.name:
                        stopped.hint = "Run the same command without --resume to resume."
                    raise
                finally:
                    if group.is_main:
                        draw_curve(stage, training)
            trained[stage.key_prefix] = trained_net(stage, training, before_epochs)
            if group.is_main:
                warn_of_result(stage, training, trained[stage.key_prefix])
        return train_result(place, config, trained.get("") or untouched_net(place, config), trained.get("detector."))


def _configured(
    place: Shuffle,
    before: ModelConfig,
    *,
    epochs: int | None,
    detector_epochs: int | None,
    batch_size: int | None,
    seed: int | None,
    overrides: Sequence[str],
) -> ModelConfig:
    """pytorch_config.yaml, which says ``before``, with what the call overrides."""
    flags = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    given = [f"train_settings.{name}={value}" for name, value in flags.items() if value is not None]
    if before.detector is not None:
        flags = {"epochs": detector_epochs, "seed": seed}
        given += [f"detector.train_settings.{name}={value}" for name, value in flags.items() if value is not None]
    elif detector_epochs is not None:
        raise DlcxError(
            f"--detector-epochs {detector_epochs}: {place.name} has no detector",
            hint="Only top-down nets have one, see `dlcx list-models`.",
        )
    config = with_overrides(before, [*overrides, *given])
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
