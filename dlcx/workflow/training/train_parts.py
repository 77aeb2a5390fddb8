"""The nets that a shuffle trains: its pose net and, before it, the detector of a top-down net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.project_config import read_project_config
from dlcx.project import DETECTOR, Shuffle, TrainingFiles

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dlcx.data.labeled import LabeledImage, LabeledImages
    from dlcx.nets.detectors.model import BoxDetector
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig, OwnConfig
    from dlcx.settings.model import Runner, TrainSettings
    from dlcx.settings.transforms import Transforms
    from dlcx.training.batches import Batch
    from dlcx.training.evaluation import Evaluation
    from dlcx.training.loop import Course, Evaluate, Training
    from dlcx.training.processes import Processes
    from dlcx.training.resizing import Resizing
    from dlcx.training.samples import Samples

#: What ``runner.key_metric`` and ``detector.runner.key_metric`` may be.
POSE_METRICS = ("test.mAP", "test.mAR", "test.rmse", "test.rmse_pcutoff")
BOX_METRICS = tuple(f"test.{name}@{overlap}" for name in ("mAP", "mAR") for overlap in ("50:95", "50", "75"))
#: Threads that keep a GPU from waiting for images, where nobody says how many.
GPU_WORKERS = 4
SEED = 42
#: Bytes of memory for decoded test images, which are read once in many epochs.
TEST_CACHE = 1 << 29


@dataclass(frozen=True)
class Net:
    """A net on its device with random weights, what it learns from, what it loses, and who judges it."""

    model: nn.Module
    device: torch.device
    samples: Samples
    losses: Callable[[Batch], dict[str, Tensor]]
    evaluate: Evaluate | None
    resizing: Resizing | None


@dataclass(frozen=True)
class Part:
    """One net that a shuffle trains, by its settings; ``build`` and ``fill`` make it and give it its first weights.

    ``layout`` makes its layers without numbers, in no time.

    ``where`` is how the keys of its settings begin in pytorch_config.yaml: nothing, or ``detector.``.  ``weights`` is
    the source of its first weights, ``flag`` names that, and ``own_key`` keeps it in dlcx.yaml; the checks raise where
    training could not begin.
    """

    place: Shuffle
    where: str
    prefix: str
    flag: str
    own_key: str
    weights: str
    runner: Runner
    settings: TrainSettings
    transforms: Transforms | None
    layers: Mapping[str, Any]
    continued: str | None
    build: Callable[[LabeledImages, LabeledImages, Course, str, Processes], Net]
    fill: Callable[[nn.Module], str]
    layout: Callable[[], nn.Module]
    check_weights: Callable[[], None]

    @property
    def is_detector(self) -> bool:
        """Whether it finds animals instead of posing them."""
        return bool(self.where)

    @property
    def files(self) -> TrainingFiles:
        """What its training leaves beside its snapshots."""
        return self.place.training_files(detector=self.is_detector)

    def check_keys(self) -> None:
        """Refuse what the file's schema leaves free and layers, optimizer or schedule do not take.

        Raises
        ------
        DlcxError
            Names the key.
        """
        from dlcx.training.schedules import build_optimizer, build_scheduler

        optimizer, scheduler = self.runner.optimizer, self.runner.scheduler
        learning = build_optimizer(optimizer.type, optimizer.params, self.layout().parameters())
        if scheduler is not None:
            build_scheduler(scheduler.type, scheduler.params, learning)

    def check_schedule(self) -> None:
        """Refuse a schedule that is made for fewer epochs than are asked for.

        Raises
        ------
        DlcxError
            Names the key that says how many.
        """
        from torch import nn, zeros

        from dlcx.training.schedules import EndedSchedule, build_optimizer, build_scheduler, forward

        optimizer, scheduler, epochs = self.runner.optimizer, self.runner.scheduler, self.settings.epochs
        if scheduler is None:
            return
        learning = build_optimizer(optimizer.type, optimizer.params, [nn.Parameter(zeros(1))])
        try:
            forward(build_scheduler(scheduler.type, scheduler.params, learning), epochs)
        except EndedSchedule as error:
            total = scheduler.params.get("total_steps")
            if total is None:
                raise
            key = f"{self.where}runner.scheduler.params.total_steps"
            raise DlcxError(
                f"{self.where}train_settings.epochs is {epochs}, but {scheduler.type} of {self.where}runner.scheduler "
                f"ends after {total}",
                hint=f"Add --set {key}={epochs}, or ask for {total} epochs at most.",
            ) from error

    def course(self, *, early_stop: int | None, precision: str, compiled: bool) -> Course:
        """How long the training goes and how it computes."""
        from dlcx.training.loop import Course

        return Course(
            epochs=self.settings.epochs,
            eval_interval=self.runner.eval_interval,
            early_stop=early_stop,
            precision=precision,
            compiled=compiled,
            save_optimizer=self.runner.snapshots.save_optimizer_state,
            title="train the detector" if self.is_detector else "train",
            where=self.where,
        )

    def training(self, course: Course, processes: Processes, *, device: str, workers: int | None) -> Training:
        """Everything wired together, with random weights.

        Raises
        ------
        DlcxError
            When there is nothing to learn from, or more processes share a batch than it has images.
        """
        import torch

        from dlcx.training.batches import Batches
        from dlcx.training.loggers import Statistics, TrainLog
        from dlcx.training.loop import Files, Training
        from dlcx.training.schedules import build_optimizer, build_scheduler
        from dlcx.training.snapshots import Keeper
        from dlcx.training.state import seed_all

        runner, settings = self.runner, self.settings
        seed = SEED if settings.seed is None else settings.seed
        if settings.batch_size < processes.count:
            raise DlcxError(
                f"{self.where}train_settings.batch_size {settings.batch_size}: {processes.count} processes share a "
                "batch, and each needs an image",
                hint=f"Give --set {self.where}train_settings.batch_size={processes.count} or more: it is the size of "
                "all shares together.",
            )
        torch.backends.cudnn.deterministic = True
        seed_all(seed)
        learning, test = _images(self.place, self.transforms)
        net = self.build(learning, test, course, device, processes)
        threads = settings.dataloader_workers if workers is None else workers
        if workers is None and not threads and net.device.type != "cpu":
            threads = GPU_WORKERS
        batches = Batches(
            net.samples,
            size=settings.batch_size,
            seed=seed,
            workers=threads,
            pin=net.device.type == "cuda",
            resizing=net.resizing,
            processes=processes,
        )
        if not len(batches):
            raise DlcxError(f"{self.place.name}: no animal is labelled in the training images")
        optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, net.model.parameters())
        scheduler = None
        if runner.scheduler is not None:
            scheduler = build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)
        keeper = Keeper(
            self.place,
            prefix=self.prefix,
            key_metric=runner.key_metric,
            ascending=runner.key_metric_asc,
            every=runner.snapshots.save_epochs,
            most=runner.snapshots.max_snapshots,
        )
        log = TrainLog(self.place.train_log_path)
        return Training(
            model=net.model,
            losses=net.losses,
            batches=batches,
            evaluate=net.evaluate,
            optimizer=optimizer,
            scheduler=scheduler,
            device=net.device,
            course=course,
            processes=processes,
            files=Files(keeper, Statistics(self.files.learning_stats), log, self.files.resume_state),
            recipe={
                "model": self.layers,
                "optimizer": runner.optimizer.model_dump(mode="json"),
                "scheduler": None if runner.scheduler is None else runner.scheduler.model_dump(mode="json"),
                "data.train": None if self.transforms is None else self.transforms.model_dump(mode="json"),
                "images": ["/".join(path.parts[-3:]) for path in learning.paths],
                "batch_size": settings.batch_size,
                "seed": seed,
                "precision": course.precision,
            },
        )


def pose_part(place: Shuffle, config: ModelConfig, own: OwnConfig) -> Part:
    """The shuffle's net itself."""
    weights = own.weights
    _check_metric(config.runner.key_metric, POSE_METRICS, "runner.key_metric")
    tables = read_project_config(place.project.config_path).SuperAnimalConversionTables

    def build(learning: LabeledImages, test: LabeledImages, course: Course, device: str, processes: Processes) -> Net:
        from dlcx.nets.build import build_model
        from dlcx.predictors import create_predictor
        from dlcx.predictors.prepare import build_scaling
        from dlcx.training.learner import PoseLearner
        from dlcx.training.resizing import build_resizing

        transforms = config.data.train
        model = build_model(config, from_scratch=weights == "none")
        predictor = create_predictor(model, config, device=device)
        chosen = next(model.parameters()).device  # the predictor has moved the model there
        scaling = build_scaling(transforms)
        return Net(
            model,
            chosen,
            samples=_samples(learning, config),
            losses=PoseLearner(model, scaling, chosen, precision=course.precision, compiled=course.compiled),
            evaluate=_evaluation(test, model, predictor, config, processes),
            resizing=build_resizing(transforms.collate if transforms else None, "data.train.collate"),
        )

    def fill(model: nn.Module) -> str:
        from dlcx.nets.weights import load_initial

        return load_initial(cast("PoseModel", model), config, weights, tables)

    def layout() -> nn.Module:
        import torch

        from dlcx.nets.build import build_model

        with torch.device("meta"):
            return build_model(config)

    def check_weights() -> None:
        from dlcx.nets.weights import check_source

        check_source(config, weights, tables)

    return Part(
        place,
        where="",
        prefix=config.runner.snapshot_prefix or "snapshot",
        flag="--weights",
        own_key="weights",
        weights=weights,
        runner=config.runner,
        settings=config.train_settings,
        transforms=config.data.train,
        layers=config.model.model_dump(mode="json"),
        continued=config.resume_training_from,
        build=build,
        fill=fill,
        layout=layout,
        check_weights=check_weights,
    )


def detector_part(place: Shuffle, config: ModelConfig, own: OwnConfig) -> Part | None:
    """What finds the animals for a top-down net; None for other nets."""
    settings = config.detector
    if settings is None:
        return None
    weights, transforms = own.detector_source, settings.data.train
    _check_metric(settings.runner.key_metric, BOX_METRICS, "detector.runner.key_metric")

    def build(learning: LabeledImages, test: LabeledImages, course: Course, device: str, processes: Processes) -> Net:
        from dlcx.data.build import build_augmentation
        from dlcx.metrics.boxes import MOST
        from dlcx.nets.build import build_detector
        from dlcx.predictors.detect import create_detector
        from dlcx.predictors.prepare import build_scaling
        from dlcx.training.evaluation import BoxEvaluation
        from dlcx.training.learner import DetectorLearner
        from dlcx.training.resizing import build_resizing
        from dlcx.training.samples import WholeImages

        if not any(pose.animals.score.any() for pose in learning.poses):
            raise DlcxError(f"{place.name}: no animal is labelled in the training images")
        margin = config.data.bbox_margin
        model = build_detector(settings, from_scratch=weights == "none")
        wanted = config.device if (device, settings.device) == ("auto", "auto") else device
        detector = create_detector(model, settings, most=MOST, device=wanted)
        judged = any(pose.animals.score.any() for pose in test.poses)
        return Net(
            model,
            detector.device,
            samples=WholeImages(learning, build_augmentation(transforms, keypoints=False), margin=margin),
            losses=DetectorLearner(model, build_scaling(transforms), detector.device, precision=course.precision),
            evaluate=BoxEvaluation(test, detector, margin=margin, processes=processes) if judged else None,
            resizing=build_resizing(transforms.collate if transforms else None, "detector.data.train.collate"),
        )

    def fill(model: nn.Module) -> str:
        from dlcx.nets.detectors.weights import load_initial_detector

        return load_initial_detector(cast("BoxDetector", model), settings, weights)

    def layout() -> nn.Module:
        import torch

        from dlcx.nets.build import build_detector

        with torch.device("meta"):
            return build_detector(settings)

    def check_weights() -> None:
        from dlcx.nets.detectors.weights import check_detector_source

        check_detector_source(settings, weights)

    return Part(
        place,
        where="detector.",
        prefix=settings.runner.snapshot_prefix or DETECTOR,
        flag="--detector-weights",
        own_key="detector_weights",
        weights=weights,
        runner=settings.runner,
        settings=settings.train_settings,
        transforms=transforms,
        layers=settings.model.model_dump(mode="json"),
        continued=settings.resume_training_from,
        build=build,
        fill=fill,
        layout=layout,
        check_weights=check_weights,
    )


def _check_metric(name: str, known: tuple[str, ...], where: str) -> None:
    if name not in known:
        raise DlcxError(f"{where}: no metric '{name}'", hint=did_you_mean(name, known))


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
    images: LabeledImages, model: PoseModel, predictor: Predictor, config: ModelConfig, processes: Processes
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
    return Evaluation(images, model, predictor, single=single, shown=shown, margin=margin, processes=processes)


def _images(place: Shuffle, transforms: Transforms | None) -> tuple[LabeledImages, LabeledImages]:
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
    return chosen(train, resize=build_resize(transforms)), chosen(test, cache=TEST_CACHE)
