"""Train the net of a shuffle, or go on where its training stopped."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.model_config import read_model_config, with_overrides, write_model_config
from dlcx.formats.own_config import read_own_config, write_own_config
from dlcx.formats.project_config import open_project
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle, Snapshot

if TYPE_CHECKING:
    from dlcx.data.augment import Augmentation
    from dlcx.data.labeled import LabeledImages, Resize
    from dlcx.settings import ModelConfig, Transforms
    from dlcx.training.loop import Training

logger = logging.getLogger(__name__)

METRICS = ("test.mAP", "test.mAR", "test.rmse", "test.rmse_pcutoff")


@dataclass(frozen=True)
class TrainResult:
    """What a training has made; ``epoch`` epochs are behind the net, ``trained`` of them in this call."""

    shuffle: str
    epoch: int
    trained: int
    stopped_early: bool
    snapshots: tuple[Path, ...]
    best_epoch: int | None
    best_score: float | None
    key_metric: str
    test_error: float | None
    learning_stats: Path
    learning_curve: Path | None
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """One fact a line."""
        if self.trained:
            said = [f"trained: {self.shuffle}, {self.epoch} epochs"]
        else:
            said = [f"already trained: {self.shuffle}, {self.epoch} epochs; a larger --epochs trains on"]
        if self.stopped_early:
            said.append("stopped early: the key metric no longer became better")
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
        The project's folder or config.yaml; see :func:`dlcx.formats.project_config.open_project`.
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
        First weights: ``imagenet``, ``none`` or a file; remembered in dlcx.yaml.
    resume
        ``auto`` goes on from the last state, else the last snapshot; ``none`` starts over; a path continues that snapshot.
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
    start = _choose_start(place, config, resume, overwrite=overwrite)
    training = _build(
        place,
        config,
        start,
        weights=weights,
        device=device,
        precision=precision,
        compiled=compile,
        workers=workers,
        early_stop=early_stop,
        logger_kind=logger,
    )
    before = training.epoch
    if start.foreign and before >= training.course.epochs:
        raise DlcxError(
            f"{start.snapshot.path if start.snapshot else resume} has {before} epochs behind it, "
            f"and --epochs {training.course.epochs} is the total",
            hint=f"Give more than {before} epochs, or take its weights as the first ones with --weights PATH.",
        )
    write_model_config(config, place.model_config_path)
    if before >= training.course.epochs or training.waited_enough:
        return _result(place, config, training, before)
    for path in start.outdated:
        path.unlink()
    try:
        training.run(progress)
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
    if config.train_settings.epochs < 1:
        raise DlcxError(f"--epochs {config.train_settings.epochs}: expected at least 1")
    if config.runner.key_metric not in METRICS:
        raise DlcxError(
            f"runner.key_metric: no metric '{config.runner.key_metric}'",
            hint=did_you_mean(config.runner.key_metric, METRICS),
        )
    return config


@dataclass(frozen=True)
class Start:
    """Where a training begins: a resume state, else a snapshot, else first weights.

    ``foreign``: the snapshot is of another training.  ``outdated``: files of the training that is given up.
    """

    state: Path | None = None
    snapshot: Snapshot | None = None
    foreign: bool = False
    outdated: tuple[Path, ...] = ()


def _choose_start(place: Shuffle, config: ModelConfig, resume: str, *, overwrite: bool) -> Start:
    """What ``--resume`` means in this folder."""
    own = place.snapshots(_prefix(config))
    state = place.resume_state_path if place.resume_state_path.is_file() else None
    if resume == "auto":
        if state:
            return Start(state=state)
        if own:
            return Start(snapshot=max(own, key=lambda snapshot: snapshot.epoch))
        named = config.resume_training_from
        return Start(snapshot=_named_snapshot(place, named, "resume_training_from"), foreign=True) if named else Start()
    snapshot = None if resume == "none" else _named_snapshot(place, resume, "--resume")
    kept = snapshot.epoch if snapshot and snapshot.path.parent == place.train_dir else -1
    outdated = [found.path for found in own if found.epoch > kept] + ([state] if state else [])
    if kept < 0:
        outdated += [path for path in (place.learning_stats_path, place.learning_curve_path) if path.is_file()]
    if outdated and not overwrite:
        raise DlcxError(
            f"--resume {resume}: {place.train_dir} holds {len(outdated)} files of the training so far, "
            f"such as {outdated[0].name}",
            hint="Add --overwrite to delete them, or leave --resume out to go on.",
        )
    return Start(snapshot=snapshot, foreign=bool(snapshot) and kept < 0, outdated=tuple(outdated))


def _named_snapshot(place: Shuffle, name: str, flag: str) -> Snapshot:
    """The snapshot of that path, seen from here, from the train folder, or from the project."""
    given = Path(name).expanduser()
    for path in (given, place.train_dir / given, place.project.root / given):
        if path.is_file():
            return Snapshot.of(path.resolve())
    raise DlcxError(f"{flag}: no such snapshot: {name}")


def _prefix(config: ModelConfig) -> str:
    return config.runner.snapshot_prefix or "snapshot"


def _build(
    place: Shuffle,
    config: ModelConfig,
    start: Start,
    *,
    weights: str | None,
    device: str,
    precision: str,
    compiled: bool,
    workers: int | None,
    early_stop: int | None,
    logger_kind: str | None,
) -> Training:
    """All parts of the training, wired together and brought to where it starts."""
    import torch

    from dlcx.nets.build import build_model
    from dlcx.predictors import create_predictor
    from dlcx.training.batches import Batches, to_input
    from dlcx.training.evaluation import Evaluation
    from dlcx.training.loggers import Statistics, TrainLog, build_logger
    from dlcx.training.loop import Course, Files, Training
    from dlcx.training.schedules import build_optimizer, build_scheduler
    from dlcx.training.snapshots import Keeper
    from dlcx.training.state import seed_all

    runner, settings = config.runner, config.train_settings
    seed = 42 if settings.seed is None else settings.seed
    course = Course(
        epochs=settings.epochs,
        eval_interval=runner.eval_interval,
        early_stop=early_stop,
        precision=precision,
        compiled=compiled,
        save_optimizer=runner.snapshots.save_optimizer_state,
    )
    learning, test = _images(place, config)

    torch.backends.cudnn.deterministic = True
    seed_all(seed)
    model = build_model(config)
    if start.state is None and start.snapshot is None:
        _load_first_weights(place, config, model, weights)
    elif weights is not None:
        logging.getLogger(__name__).warning(
            "--weights %s has no effect: the training goes on from what it has; --resume none starts over", weights
        )
    predictor = create_predictor(model, config, device=device)  # moves the model to its device
    on = next(model.parameters()).device

    margin = config.data.bbox_margin
    threads = settings.dataloader_workers if workers is None else workers
    if workers is None and not threads and on.type != "cpu":
        threads = 4  # a GPU would wait for images; what they are does not depend on who prepares them
    transforms = config.data.train
    batches = Batches(
        learning,
        build_augmentation(transforms),
        size=settings.batch_size,
        seed=seed,
        workers=threads,
        margin=margin,
        pin=on.type == "cuda",
    )
    optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, model.parameters())
    scheduler = runner.scheduler and build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)
    keeper = Keeper(
        place,
        prefix=_prefix(config),
        key_metric=runner.key_metric,
        ascending=runner.key_metric_asc,
        every=runner.snapshots.save_epochs,
        most=runner.snapshots.max_snapshots,
    )
    options = {name: value for name, value in (config.logger or {}).items() if name != "type"}
    kind = logger_kind or {"WandbLogger": "wandb"}.get((config.logger or {}).get("type", ""), "csv")
    extra = build_logger(kind, place.train_dir, options)
    layout = place.project.layout
    training = Training(
        model=model,
        batches=batches,
        images=len(learning),
        evaluate=Evaluation(test, predictor, single=not layout.multi, margin=margin) if len(test) else None,
        to_input=to_input(
            normalize=transforms.normalize_images if transforms else True,
            unit_range=transforms.scale_to_unit_range if transforms else False,
        ),
        optimizer=optimizer,
        scheduler=scheduler,
        device=on,
        course=course,
        files=Files(
            keeper=keeper,
            statistics=Statistics(place.learning_stats_path),
            log=TrainLog(place.train_log_path),
            state=place.resume_state_path,
            loggers=[extra] if extra else [],
        ),
        recipe={
            "model": config.model.model_dump(mode="json"),
            "optimizer": runner.optimizer.model_dump(mode="json"),
            "scheduler": runner.scheduler and runner.scheduler.model_dump(mode="json"),
            "images": len(learning),
            "batch_size": settings.batch_size,
            "seed": seed,
            "precision": precision,
            "data.train": transforms and transforms.model_dump(mode="json"),
        },
    )
    _bring_to(training, place, config, start)
    return training


def _images(place: Shuffle, config: ModelConfig) -> tuple[LabeledImages, LabeledImages]:
    """The images of the split to learn from, resized for the net, and those to test on, as they are."""
    from dlcx.data.labeled import LabeledImages
    from dlcx.formats.training_set import load_training_set

    labels, split = load_training_set(place)
    paths = [place.project.root.joinpath(*parts) for parts in labels.images]
    sets = []
    for indices, resize in ((split.train, _resize(config.data.train)), (split.test, None)):
        chosen = [int(index) for index in indices]
        poses = [labels.pose(index) for index in chosen]
        sets.append(LabeledImages([paths[index] for index in chosen], poses, resize=resize))
    if not len(sets[0]):
        raise DlcxError(f"{place.name}: the split holds no training images")
    return sets[0], sets[1]


def _resize(transforms: Transforms | None) -> Resize | None:
    """The resize of data.train, which is not random and so is done once, when an image is read."""
    from dlcx.data.labeled import Resize

    if transforms is None or not (transforms.resize or transforms.longest_max_size):
        return None
    given = transforms.resize
    return Resize(
        width=given.width if given else None,
        height=given.height if given else None,
        keep_ratio=given.keep_ratio if given else True,
        longest=transforms.longest_max_size,
    )


def build_augmentation(transforms: Transforms | None) -> Augmentation:
    """The random changes that ``data.train`` names, but for its resize."""
    from dlcx.data.augment import Affine, Augmentation, Crop, Flip, Pad

    if transforms is None:
        return Augmentation()
    flip, affine, crop, pad = (
        transforms.hflip,
        transforms.affine,
        transforms.crop_sampling,
        transforms.auto_padding,
    )
    mirror = None
    if flip:
        chance = 0.5 if flip is True else float(flip) if isinstance(flip, (int, float)) else flip.p
        pairs = () if isinstance(flip, (bool, int, float)) else tuple(flip.symmetries or ())
        if not pairs:
            logger.warning(
                "data.train.hflip names no symmetries: left and right bodyparts keep their names when mirrored"
            )
        mirror = Flip(chance, pairs)
    noise = transforms.gaussian_noise
    return Augmentation(
        flip=mirror,
        affine=affine
        and Affine(
            p=affine.p,
            scaling=tuple(affine.scaling or (1.0, 1.0)),
            rotation=float(affine.rotation or 0),
            translation=int(affine.translation or 0),
        ),
        crop=crop and Crop(crop.width, crop.height, crop.max_shift, crop.method),
        hist_eq=bool(transforms.hist_eq),
        motion_blur=bool(transforms.motion_blur),
        covering=bool(transforms.covering),
        elastic=bool(transforms.elastic_transform),
        grayscale=bool(transforms.grayscale),
        noise=12.75 if noise is True else float(noise or 0),
        pad=pad
        and Pad(
            least=(pad.min_width or 0, pad.min_height or 0),
            divisors=(pad.pad_width_divisor or 1, pad.pad_height_divisor or 1),
            mirror=pad.border_mode == "reflect_101",
        ),
    )


def _load_first_weights(place: Shuffle, config: ModelConfig, model: Any, weights: str | None) -> None:
    """The weights that a training begins with, by flag or by dlcx.yaml, where a flag is remembered."""
    from dlcx.nets.weights import load_initial

    own = read_own_config(place.own_config_path)
    load_initial(model, config, weights or own.weights)
    if weights is not None and weights != own.weights:
        write_own_config(own.model_copy(update={"weights": weights}), place.own_config_path)


def _bring_to(training: Training, place: Shuffle, config: ModelConfig, start: Start) -> None:
    """Put the training where it starts, and say what has changed since."""
    from dlcx.formats.snapshot import read_snapshot
    from dlcx.training import schedules
    from dlcx.training.loop import adopt_moments
    from dlcx.training.snapshots import remembered_best
    from dlcx.training.state import read_state

    say = logging.getLogger(__name__)
    try:
        if start.state:
            state = read_state(start.state)
            changed = {name for name, value in training.recipe.items() if state["recipe"].get(name) != value}
            if changed:
                say.warning(
                    "changed since epoch %d: %s; the new values hold from here on",
                    state["epoch"],
                    ", ".join(sorted(changed)),
                )
            training.restore(state, changed)
        elif start.snapshot:
            found = read_snapshot(start.snapshot.path)
            training.model.load_state_dict(found.model, strict=True)
            training.epoch = found.epoch
            if found.optimizer:
                adopt_moments(training.optimizer, found.optimizer)
            elif found.epoch:
                say.warning("%s holds no state of the optimizer: it starts anew", start.snapshot.path.name)
            schedules.forward(training.scheduler, training.epoch)
            if not start.foreign:
                training.files.keeper.best = remembered_best(place, config.runner.key_metric, _prefix(config))
    except (RuntimeError, ValueError, KeyError) as error:
        source = start.state or (start.snapshot and start.snapshot.path)
        raise DlcxError(
            f"{source} does not fit the net of {place.model_config_path}: {str(error).strip().splitlines()[-1].strip()}",
            hint="The net was changed; start over with --resume none --overwrite.",
        ) from error
    training.files.statistics.drop_after(training.epoch)


def _draw(place: Shuffle, training: Training) -> None:
    """The learning curve as it is now."""
    from dlcx.visuals.learning_curve import draw_learning_curve

    if rows := training.files.statistics.rows:
        best = training.files.keeper.best
        draw_learning_curve(rows, place.learning_curve_path, title=place.name, best=best.epoch if best else None)


def _result(place: Shuffle, config: ModelConfig, training: Training, before: int) -> TrainResult:
    rows = training.files.statistics.rows
    errors = [row["metrics/test.rmse"] for row in rows if "metrics/test.rmse" in row]
    best = training.files.keeper.best
    curve = place.learning_curve_path
    flags = f"--shuffle {place.number}" if place.number != 1 else ""
    return TrainResult(
        shuffle=place.name,
        epoch=training.epoch,
        trained=training.epoch - before,
        stopped_early=training.epoch < training.course.epochs,
        snapshots=tuple(snapshot.path for snapshot in place.snapshots(_prefix(config))),
        best_epoch=best.epoch if best else None,
        best_score=best.score if best else None,
        key_metric=config.runner.key_metric,
        test_error=errors[-1] if errors and math.isfinite(errors[-1]) else None,
        learning_stats=place.learning_stats_path,
        learning_curve=curve if curve.is_file() else None,
        next_steps=(f"dlcx evaluate {flags}".strip(), f"dlcx analyze-video VIDEO {flags}".strip()),
    )
