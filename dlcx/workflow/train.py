"""Train the net of a shuffle and, where it is a top-down net, its detector first; or go on where training stopped."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from dlcx.cluster.sbatch import JobOptions, OwnJob, own_job, parse_sbatch
from dlcx.errors import DlcxError, Stopped, in_file
from dlcx.file_transaction import recover, replace_files, replacement_lock
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config, shuffle_dlcx_config, weights_source, write_dlcx_config
from dlcx.formats.shuffles.model_config import shuffle_config, update_model_config, with_overrides
from dlcx.locks import exclusive_edit, locked
from dlcx.nets.registry import untrainable
from dlcx.progress import SILENT, Progress
from dlcx.project import DETECTOR, Shuffle
from dlcx.ranges import within_ranges
from dlcx.settings.ignored_keys import IN_TRAINING, warn_ignored_keys
from dlcx.stopping import stop_on_signals
from dlcx.training.detector_stage import detector_stage
from dlcx.training.gpus import choose_gpu
from dlcx.training.launch import train_in_processes
from dlcx.training.learning_curve import LearningCurve, draw_curve
from dlcx.training.loggers import check_logger, chosen_logger
from dlcx.training.pose_stage import pose_stage
from dlcx.training.result import (
    Trained,
    TrainResult,
    lacks_conditions,
    train_result,
    trained_net,
    untouched_net,
)
from dlcx.training.resume import ResumePoint, choose_resume_point
from dlcx.training.slurm import SubmittedTraining, checked_job, submit_training
from dlcx.training.stage import TrainingStage

if TYPE_CHECKING:
    from dlcx.settings import DlcxConfig, ModelConfig
    from dlcx.training.loggers import Logger
    from dlcx.training.loop import Training

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
            if place.train_dir.is_dir():  # before it is read: 'create-dataset --overwrite' may replace it
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
        from dlcx.engines.devices import choose_device  # imports torch: after all that can go wrong without it

        choose_device(config.device if device == "auto" else device, config.net_type)  # raises where it is missing
        warn_ignored_keys(config, place.model_config_path, IN_TRAINING)
        own = _own_config(place, config, weights, detector_weights)
        job = own_job()
        todo = _todo(place, config, own, resume, overwrite=overwrite, job=job)
        _warn(place, config, todo, {"--weights": weights, "--detector-weights": detector_weights})
        group.barrier()  # until all have read what is written from here on
        # all before the first training: a net must not go on where it was given up when its detector's is stopped
        outdated = [path for _, point in todo if point.source is None for path in point.outdated]
        trained: dict[str, Trained] = {}
        for stage, point in todo:
            schedule = stage.schedule(early_stop=early_stop, precision=precision, compiled=compile)
            training = stage.training(schedule, group, device=device, workers=workers)
            training.job, training.lock = job.name, lock
            _bring_to(training, stage, point)
            behind = training.epoch
            listeners: list[Logger] = []
            if group.is_main:
                listeners = _listeners(stage, training, config, kind) if training.is_unfinished else []
                if point.source is not None and training.is_unfinished:
                    outdated += point.outdated
                if not trained:  # once: hours may lie between a detector and its pose net, and edits of the file
                    update_model_config(before, config, place)
                _commit(stage, point, own, outdated)
            outdated = []  # from here on there are new files of these names
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
            trained[stage.key_prefix] = trained_net(stage, training, behind)
            if group.is_main:
                _warn_of_test(stage, training, trained[stage.key_prefix])
        return train_result(place, config, trained.get("") or untouched_net(place, config), trained.get("detector."))


def _warn(
    place: Shuffle,
    config: ModelConfig,
    todo: Sequence[tuple[TrainingStage, ResumePoint]],
    given: Mapping[str, str | Path | None],
) -> None:
    """Say what the call leaves without effect, and what the trained net will lack."""
    if lacks_conditions(config):
        log.warning(
            "inference.conditions of %s is empty: training draws its own, but evaluate and analyze-video need what "
            "finds the poses that %s corrects: --conditions SHUFFLE|FILE there, or here "
            "--set 'inference.conditions={source: shuffle, shuffle: N}'",
            place.model_config_path,
            config.net_type,
        )
    for stage, point in todo:
        if point.source is not None and given[stage.flag] is not None:
            log.warning(
                "%s %s has no effect: the training goes on; --resume none starts over", stage.flag, given[stage.flag]
            )


def _commit(stage: TrainingStage, point: ResumePoint, own: DlcxConfig, outdated: Sequence[Path]) -> None:
    """Note the first weights, and let the files of a training go that is given up: all of them, or none."""
    if point.source is None:
        _remember(stage, own)
    if outdated:
        root = stage.shuffle.project.root
        with replacement_lock(root), replace_files(root, moved=list(outdated)):
            pass


def _todo(
    place: Shuffle, config: ModelConfig, own: DlcxConfig, resume: str, *, overwrite: bool, job: OwnJob
) -> list[tuple[TrainingStage, ResumePoint]]:
    """The nets to train, the detector first, and where each begins; all that can be checked before is checked.

    Raises
    ------
    DlcxError
        When one of them could not begin.
    """
    todo = []
    of_detector = Path(resume).name.startswith(place.prefix(DETECTOR))
    for make in (detector_stage, pose_stage):
        stage = make(place, config, own)
        if stage is None or not stage.settings.epochs:
            continue
        mine = resume if resume == "none" or stage.is_detector == of_detector else "auto"
        point = choose_resume_point(
            place,
            mine,
            prefix=stage.prefix,
            detector=stage.is_detector,
            continued=stage.resume_from,
            overwrite=overwrite,
            job=job.name if job.again else "",
        )
        if point.source is not None:  # its first weights lie behind it, whatever is asked for now
            stage = make(place, config, shuffle_dlcx_config(place)) or stage
        todo.append((stage, point))
    if not todo:
        raise DlcxError("--epochs 0: nothing is left to train")
    for stage, point in todo:
        if len(todo) > 1:
            with in_file(place.model_config_path):
                stage.check_keys()
        stage.check_schedule()
        if point.source is None:
            stage.check_weights()
    return todo


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


def _own_config(
    place: Shuffle, config: ModelConfig, weights: str | Path | None, detector_weights: str | Path | None
) -> DlcxConfig:
    """dlcx.yaml, with the first weights that the call names; shuffles of DeepLabCut may name theirs themselves."""
    own = shuffle_dlcx_config(place)
    if weights is None and not place.dlcx_config_path.is_file() and config.train_settings.weight_init is not None:
        weights = "weight_init"
    elif weights is None and own.weights != "weight_init" and config.train_settings.weight_init is not None:
        log.warning(
            "%s: train_settings.weight_init has no effect: training starts from %s, as train/dlcx.yaml says; "
            "--weights weight_init takes it",
            place.model_config_path,
            own.weights,
        )
    named = {"weights": weights, "detector_weights": detector_weights}
    return own.model_copy(update={key: weights_source(text) for key, text in named.items() if text is not None})


def _remember(stage: TrainingStage, own: DlcxConfig) -> None:
    """Write to dlcx.yaml what the first weights of a net are."""
    path = stage.shuffle.dlcx_config_path
    with exclusive_edit(path):
        stored = read_dlcx_config(path)
        named = stored.model_copy(update={stage.metadata_key: getattr(own, stage.metadata_key)})
        if named != stored:
            write_dlcx_config(named, path)


def _listeners(stage: TrainingStage, training: Training, config: ModelConfig, kind: str) -> list[Logger]:
    """The learning curve, and a logger of this kind, as ``logger`` in pytorch_config.yaml says."""
    from dlcx.training.loggers import build_logger

    options = {name: value for name, value in (config.logger or {}).items() if name != "type"}
    if stage.is_detector and options.get("run_name"):
        options["run_name"] = f"{options['run_name']}-detector"
    found = build_logger(kind, stage.shuffle.train_dir, options)
    curve = LearningCurve(stage, training)
    return [curve] if found is None else [found, curve]


def _bring_to(training: Training, stage: TrainingStage, point: ResumePoint) -> None:
    """Put the training where it starts, and say what has changed since.

    Raises
    ------
    DlcxError
        When the state or snapshot cannot be used, or more epochs are behind it than are asked for in all.
    """
    from dlcx.formats.weights.snapshot import read_snapshot
    from dlcx.training.checkpointer import best_so_far
    from dlcx.training.resume_state import read_state

    if point.state:
        state = read_state(point.state)
        changed = {name for name, value in training.fingerprint.items() if state["recipe"].get(name) != value}
        if changed:
            names = ", ".join(sorted(changed))
            log.warning("changed since epoch %s: %s; the new values hold from here on", state.get("epoch"), names)
        training.restore(state, changed, str(point.state))
    elif point.snapshot:
        found = read_snapshot(point.snapshot.path)
        training.continue_from(found, str(point.snapshot.path))
        if found.epoch and not found.optimizer:
            log.warning("%s holds no state of the optimizer, which starts anew", point.snapshot.path.name)
        if not point.foreign:
            training.outputs.checkpointer.best = best_so_far(stage.shuffle, stage.runner.key_metric, stage.prefix)
    elif training.group.is_main:  # the others take its weights
        log.info("%s", stage.load_initial_weights(training.model))
    training.outputs.statistics.drop_after(training.epoch)
    total = training.schedule.epochs
    if point.foreign and training.epoch >= total:
        flag = "--detector-epochs" if stage.is_detector else "--epochs"
        raise DlcxError(
            f"{point.source} has {training.epoch} epochs behind it, and {flag} {total} is the total",
            hint=f"Give more than {training.epoch} epochs, or take its weights as the first ones with "
            f"{stage.flag} PATH.",
        )


def _warn_of_test(stage: TrainingStage, training: Training, trained: Trained) -> None:
    """Say plainly that a network has not learned, or that the test images cannot tell."""
    name = f"the detector of {stage.shuffle.name}" if stage.is_detector else stage.shuffle.name
    if trained.not_learned:
        log.warning(
            "%s has not learned: %s; train it for more epochs (%s N), and look at its labels with dlcx check-labels",
            name,
            trained.not_learned,
            "--detector-epochs" if stage.is_detector else "--epochs",
        )
    elif (text := training.yardstick.warning()) and training.evaluate and not stage.is_detector:
        log.warning("%s: %s; label more frames or lower TrainingFraction in config.yaml", stage.shuffle.name, text)
