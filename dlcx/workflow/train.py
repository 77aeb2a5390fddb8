"""Train the net of a shuffle, or go on where its training stopped."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.model_config import read_model_config, with_overrides, write_model_config
from dlcx.formats.own_config import read_own_config, weights_source, write_own_config
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle
from dlcx.stopping import stop_on_signals
from dlcx.training.start import Start, choose_start

if TYPE_CHECKING:
    from dlcx.data.labeled import LabeledImage, LabeledImages
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig, OwnConfig
    from dlcx.training.evaluation import Evaluation
    from dlcx.training.loggers import Logger
    from dlcx.training.loop import Course, Files, Training
    from dlcx.training.samples import Samples

log = logging.getLogger(__name__)

#: What ``runner.key_metric`` may be.
METRICS = ("test.mAP", "test.mAR", "test.rmse", "test.rmse_pcutoff")
#: Threads that keep a GPU from waiting for images, where nobody says how many.
GPU_WORKERS = 4
SEED = 42
#: Bytes of memory for decoded test images, which are read once in many epochs.
TEST_CACHE = 1 << 29


@dataclass(frozen=True)
class TrainResult:
    """What a training has made; ``epoch`` epochs are behind the net, ``trained`` of them in this call."""

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
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        count = f"{self.epoch} epoch" + ("s" if self.epoch != 1 else "")
        if self.trained:
            said = [f"trained: {self.shuffle}, {count}"]
        else:
            said = [f"already trained: {self.shuffle}, {count}; a larger --epochs trains on"]
        if self.stopped_early:
            said.append(f"stopped early: {self.key_metric} no longer became better")
        if self.best_epoch is not None:
            said.append(f"best: epoch {self.best_epoch}, {self.key_metric} {self.best_score:.2f}")
        if self.test_error is not None:
            said.append(f"test error: {self.test_error:.2f} px at the last evaluation")
        said.extend(f"snapshot: {path}" for path in self.snapshots)
        said.append(f"learning stats: {self.learning_stats}")
        return said + ([f"learning curve: {self.learning_curve}"] if self.learning_curve else [])


def train(
    project: str | Path | None = None,
    *,
    shuffle: int = 1,
    trainset_index: int = 0,
    epochs: int | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    precision: str = "fp32",
    compile: bool = False,
    workers: int | None = None,
    weights: str | None = None,
    resume: str = "auto",
    early_stop: int | None = None,
    logger: str | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> TrainResult:
    """Train a shuffle's net; snapshots, learning_stats.csv and learning_curve.png go to its ``train`` folder.

    Parameters
    ----------
    project
        Folder or config.yaml; None searches (:func:`dlcx.formats.project_config.open_project`).
    shuffle, trainset_index
        Which shuffle.
    epochs
        How many in all, those of earlier runs included.
    batch_size, seed, overrides
        Replace values of pytorch_config.yaml (``overrides``: ``"key.path=value"``) and are written to it.
    device, precision, compile
        Where and how numbers are computed.
    workers
        Threads that prepare images ahead; the result does not depend on it.
    weights
        First weights: ``imagenet``, ``none``, a SuperAnimal (``superanimal_topviewmouse`` ...) or a file; remembered in
        dlcx.yaml.
    resume
        ``auto`` goes on from the saved state, else from the last snapshot; ``none`` starts over; a path goes on from
        that snapshot.
    early_stop
        End after so many evaluations without a better key metric.
    logger
        ``csv``, ``tensorboard`` or ``wandb``; learning_stats.csv is written always.
    overwrite
        Lets a training that starts over delete the snapshots of the one before.

    Raises
    ------
    Stopped
        When SIGTERM or SIGUSR1 came; the same call goes on.
    DlcxError
        When a value, file or folder cannot be used, or a loss is not finite.
    """
    place = open_project(project).shuffle(shuffle, trainset_index)
    config = _configured(place, epochs=epochs, batch_size=batch_size, seed=seed, overrides=overrides)
    with stop_on_signals() as stop:
        course = _course(config, early_stop=early_stop, precision=precision, compiled=compile)
        start = choose_start(
            place, resume, prefix=_prefix(config), continued=config.resume_training_from, overwrite=overwrite
        )
        own = _own_config(place, config, weights)
        training = _build(place, config, course, device=device, workers=workers)
        _bring_to(training, place, config, start, own.weights)
        if weights is not None and start.source is not None:
            log.warning("--weights %s has no effect: the training goes on; --resume none starts over", weights)
        before = training.epoch
        if start.foreign and before >= course.epochs:
            raise DlcxError(
                f"{start.source} has {before} epochs behind it, and --epochs {course.epochs} is the total",
                hint=f"Give more than {before} epochs, or take its weights as the first ones with --weights PATH.",
            )
        listeners = _listeners(place, config, logger) if training.goes_on else []
        write_model_config(config, place.model_config_path)
        if start.source is None and own != read_own_config(place.own_config_path):
            write_own_config(own, place.own_config_path)
        if training.goes_on:
            for path in start.outdated:
                path.unlink()
            try:
                training.run(stop, listeners, progress)
            finally:
                _draw(place, training)
    return _result(place, config, training, before)


def _configured(
    place: Shuffle, *, epochs: int | None, batch_size: int | None, seed: int | None, overrides: Sequence[str]
) -> ModelConfig:
    """pytorch_config.yaml with what the call overrides."""
    flags = {"epochs": epochs, "batch_size": batch_size, "seed": seed}
    given = [f"train_settings.{name}={value}" for name, value in flags.items() if value is not None]
    config = with_overrides(read_model_config(place.model_config_path), [*overrides, *given])
    metric = config.runner.key_metric
    if metric not in METRICS:
        raise DlcxError(f"runner.key_metric: no metric '{metric}'", hint=did_you_mean(metric, METRICS))
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


def _prefix(config: ModelConfig) -> str:
    return config.runner.snapshot_prefix or "snapshot"


def _course(config: ModelConfig, *, early_stop: int | None, precision: str, compiled: bool) -> Course:
    """How long the training goes and how it computes."""
    from dlcx.training.loop import Course

    return Course(
        epochs=config.train_settings.epochs,
        eval_interval=config.runner.eval_interval,
        early_stop=early_stop,
        precision=precision,
        compiled=compiled,
        save_optimizer=config.runner.snapshots.save_optimizer_state,
    )


def _own_config(place: Shuffle, config: ModelConfig, weights: str | None) -> OwnConfig:
    """dlcx.yaml, with the first weights that the call names; shuffles of DeepLabCut may name theirs themselves."""
    own = read_own_config(place.own_config_path)
    if weights is None and not place.own_config_path.is_file() and config.train_settings.weight_init is not None:
        weights = "weight_init"
    return own if weights is None else own.model_copy(update={"weights": weights_source(weights)})


def _build(place: Shuffle, config: ModelConfig, course: Course, *, device: str, workers: int | None) -> Training:
    """All parts of a training, wired together, with random weights."""
    import torch

    from dlcx.nets.build import build_model
    from dlcx.predictors import create_predictor
    from dlcx.predictors.prepare import build_scaling
    from dlcx.training.batches import Batches
    from dlcx.training.learner import PoseLearner
    from dlcx.training.loop import Training
    from dlcx.training.schedules import build_optimizer, build_scheduler
    from dlcx.training.state import seed_all

    runner, settings, transforms = config.runner, config.train_settings, config.data.train
    seed = SEED if settings.seed is None else settings.seed
    torch.backends.cudnn.deterministic = True
    seed_all(seed)
    model = build_model(config)
    predictor = create_predictor(model, config, device=device)
    chosen = next(model.parameters()).device  # the predictor has moved the model there
    learning, test = _images(place, config)
    threads = settings.dataloader_workers if workers is None else workers
    if workers is None and not threads and chosen.type != "cpu":
        threads = GPU_WORKERS
    batches = Batches(
        _samples(learning, config),
        size=settings.batch_size,
        seed=seed,
        workers=threads,
        pin=chosen.type == "cuda",
    )
    if not len(batches):
        raise DlcxError(f"{place.name}: no animal is labelled in the training images")
    optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, model.parameters())
    scheduler = None
    if runner.scheduler is not None:
        scheduler = build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)
    scaling = build_scaling(transforms)
    return Training(
        model=model,
        losses=PoseLearner(model, scaling, chosen, precision=course.precision, compiled=course.compiled),
        batches=batches,
        evaluate=_evaluation(test, model, predictor, config),
        optimizer=optimizer,
        scheduler=scheduler,
        device=chosen,
        course=course,
        files=_files(place, config),
        recipe={
            "model": config.model.model_dump(mode="json"),
            "optimizer": runner.optimizer.model_dump(mode="json"),
            "scheduler": None if runner.scheduler is None else runner.scheduler.model_dump(mode="json"),
            "data.train": None if transforms is None else transforms.model_dump(mode="json"),
            "images": ["/".join(path.parts[-3:]) for path in learning.paths],
            "batch_size": settings.batch_size,
            "seed": seed,
            "precision": course.precision,
        },
    )


def _samples(images: LabeledImages, config: ModelConfig) -> Samples:
    """What the net's method learns from: whole images, or crops around animals."""
    from dlcx.data.build import build_augmentation, build_cropping, build_jitter, build_sampler
    from dlcx.training.samples import ConditionalCrops, Crops, WholeImages

    transforms, margin = config.data.train, config.data.bbox_margin
    augmentation = build_augmentation(transforms)
    if config.method == "bu":
        return WholeImages(images, augmentation, margin=margin)
    cropping = build_cropping(transforms, "data.train")
    if config.method == "ctd":
        sampler = build_sampler(config.data.gen_sampling, len(config.metadata.bodyparts))
        return ConditionalCrops(images, augmentation, cropping, sampler, margin=margin)
    return Crops(images, augmentation, cropping, margin=margin, jitter=build_jitter(transforms))


def _evaluation(
    images: LabeledImages, model: PoseModel, predictor: Predictor, config: ModelConfig
) -> Evaluation | None:
    """What judges the net during training, where there are labelled test images."""
    from dlcx.data.build import build_sampler
    from dlcx.training.evaluation import Evaluation, Shown, each_animal, each_guess, whole

    if not any(pose.animals.score.any() for pose in images.poses):
        return None
    margin, names = config.data.bbox_margin, config.metadata
    shown: Callable[[LabeledImage], Shown] = whole
    if config.method == "td":
        shown = each_animal(margin)
    elif config.method == "ctd":
        shown = each_guess(build_sampler(config.data.gen_sampling, len(names.bodyparts)), margin)
    single = config.method != "bu" or len(names.individuals) == 1
    return Evaluation(images, model, predictor, single=single, shown=shown, margin=margin)


def _files(place: Shuffle, config: ModelConfig) -> Files:
    """What every training writes."""
    from dlcx.training.loggers import Statistics, TrainLog
    from dlcx.training.loop import Files
    from dlcx.training.snapshots import Keeper

    runner = config.runner
    keeper = Keeper(
        place,
        prefix=_prefix(config),
        key_metric=runner.key_metric,
        ascending=runner.key_metric_asc,
        every=runner.snapshots.save_epochs,
        most=runner.snapshots.max_snapshots,
    )
    return Files(keeper, Statistics(place.learning_stats_path), TrainLog(place.train_log_path), place.resume_state_path)


def _listeners(place: Shuffle, config: ModelConfig, logger: str | None) -> list[Logger]:
    """Who else is told the numbers of each epoch, by flag or by ``logger`` in pytorch_config.yaml."""
    from dlcx.training.loggers import build_logger

    options = dict(config.logger or {})
    kind = {"WandbLogger": "wandb"}.get(options.pop("type", ""), "csv")
    found = build_logger(logger or kind, place.train_dir, options)
    return [] if found is None else [found]


def _images(place: Shuffle, config: ModelConfig) -> tuple[LabeledImages, LabeledImages]:
    """The images of the split to learn from, resized for the net, and those to test on, as they are."""
    from dlcx.data.build import build_resize
    from dlcx.data.labeled import LabeledImages
    from dlcx.formats.training_set import load_training_set

    labels, split = load_training_set(place)
    if not len(split.train):
        raise DlcxError(f"{place.name}: the split holds no training images")

    def chosen(indices: list[int], **options: Any) -> LabeledImages:
        paths = [place.project.root.joinpath(*labels.images[index]) for index in indices]
        return LabeledImages(paths, [labels.pose(index) for index in indices], **options)

    train, test = split.train.tolist(), split.test.tolist()
    return chosen(train, resize=build_resize(config.data.train)), chosen(test, cache=TEST_CACHE)


def _bring_to(training: Training, place: Shuffle, config: ModelConfig, start: Start, weights: str) -> None:
    """Put the training where it starts, and say what has changed since."""
    from dlcx.formats.snapshot import read_snapshot
    from dlcx.nets.weights import load_initial
    from dlcx.training.snapshots import remembered_best
    from dlcx.training.state import read_state

    if start.state:
        state = read_state(start.state)
        changed = {name for name, value in training.recipe.items() if state["recipe"].get(name) != value}
        if changed:
            names = ", ".join(sorted(changed))
            log.warning("changed since epoch %d: %s; the new values hold from here on", state["epoch"], names)
        training.restore(state, changed, str(start.state))
    elif start.snapshot:
        found = read_snapshot(start.snapshot.path)
        training.continue_from(found, str(start.snapshot.path))
        if found.epoch and not found.optimizer:
            log.warning("%s holds no state of the optimizer, which starts anew", start.snapshot.path.name)
        if not start.foreign:
            training.files.keeper.best = remembered_best(place, config.runner.key_metric, _prefix(config))
    else:
        tables = read_project_config(place.project.config_path).SuperAnimalConversionTables
        log.info("%s", load_initial(cast("PoseModel", training.model), config, weights, tables))
    training.files.statistics.drop_after(training.epoch)


def _draw(place: Shuffle, training: Training) -> None:
    """The learning curve as it is now."""
    from dlcx.visuals.learning_curve import draw_learning_curve

    if rows := training.files.statistics.rows:
        best = training.files.keeper.best
        draw_learning_curve(rows, place.learning_curve_path, title=place.name, best=best.epoch if best else None)


def _result(place: Shuffle, config: ModelConfig, training: Training, before: int) -> TrainResult:
    errors = [row["metrics/test.rmse"] for row in training.files.statistics.rows if "metrics/test.rmse" in row]
    best, curve = training.files.keeper.best, place.learning_curve_path
    index = place.project.train_fractions.index(place.fraction)
    flags = (f" --shuffle {place.number}" if place.number != 1 else "") + (
        f" --trainset-index {index}" if index else ""
    )
    return TrainResult(
        shuffle=place.name,
        epoch=training.epoch,
        trained=training.epoch - before,
        stopped_early=training.epoch < training.course.epochs,
        snapshots=tuple(snapshot.path for snapshot in place.snapshots(_prefix(config))),
        key_metric=config.runner.key_metric,
        best_epoch=best.epoch if best else None,
        best_score=best.score if best else None,
        test_error=errors[-1] if errors and math.isfinite(errors[-1]) else None,
        learning_stats=place.learning_stats_path,
        learning_curve=curve if curve.is_file() else None,
        next_steps=(f"Next: dlcx evaluate{flags}", f"Then: dlcx analyze-video VIDEO{flags}"),
    )
