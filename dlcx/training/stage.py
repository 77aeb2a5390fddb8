"""One of the nets that a shuffle trains: what it learns from, how long, and what of it is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlcx.errors import DlcxError, did_you_mean
from dlcx.project import Shuffle, TrainingFiles

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from dlcx.data.labeled_images import LabeledImages
    from dlcx.settings import ModelConfig
    from dlcx.settings.model import Detector, Runner, TrainSettings
    from dlcx.settings.transforms import Transforms
    from dlcx.training.batches import Batch
    from dlcx.training.loop import Evaluate, Training, TrainingSchedule
    from dlcx.training.process_group import ProcessGroup
    from dlcx.training.resizing import Resizing
    from dlcx.training.samples import TrainingSamples

#: Threads that keep a GPU from waiting for images, where nobody says how many.
GPU_WORKERS = 4
SEED = 42
#: Bytes of memory for decoded test images, which are read once in many epochs.
TEST_CACHE = 1 << 29


@dataclass(frozen=True)
class StageComponents:
    """A net on its device with random weights, what it learns from, what it loses, and who judges it."""

    model: nn.Module
    device: torch.device
    samples: TrainingSamples
    losses: Callable[[Batch], dict[str, Tensor]]
    evaluate: Evaluate | None
    resizing: Resizing | None


@dataclass(frozen=True, kw_only=True)
class TrainingStage(ABC):
    """One net that a shuffle trains, by its ``block`` of pytorch_config.yaml.

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
    block: ModelConfig | Detector

    @property
    def runner(self) -> Runner:
        """Optimizer, schedule, and which snapshots are kept."""
        return self.block.runner

    @property
    def settings(self) -> TrainSettings:
        """How long, and in how large batches."""
        return self.block.train_settings

    @property
    def transforms(self) -> Transforms | None:
        """What is done to the images that it learns from."""
        return self.block.data.train

    @property
    def layers(self) -> Mapping[str, Any]:
        """What it is made of."""
        return self.block.model.model_dump(mode="json")

    @property
    def continued(self) -> str | None:
        """The snapshot that the file says to go on from."""
        return self.block.resume_training_from

    @abstractmethod
    def build(
        self, learning: LabeledImages, test: LabeledImages, schedule: TrainingSchedule, device: str, group: ProcessGroup
    ) -> StageComponents:
        """The net with random weights, what it learns from, and who judges it."""

    @abstractmethod
    def fill(self, model: nn.Module) -> str:
        """Give the net its first weights; says what was taken."""

    @abstractmethod
    def layout(self) -> nn.Module:
        """Its layers without numbers, in no time."""

    @abstractmethod
    def check_weights(self) -> None:
        """Raise DlcxError where its first weights cannot be had."""

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
        from dlcx.training.optimizers import build_optimizer, build_scheduler

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

        from dlcx.training.optimizers import EndedSchedule, build_optimizer, build_scheduler, forward

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

    def schedule(self, *, early_stop: int | None, precision: str, compiled: bool) -> TrainingSchedule:
        """How long the training goes and how it computes."""
        from dlcx.training.loop import TrainingSchedule

        return TrainingSchedule(
            epochs=self.settings.epochs,
            eval_interval=self.runner.eval_interval,
            early_stop=early_stop,
            precision=precision,
            compiled=compiled,
            save_optimizer=self.runner.snapshots.save_optimizer_state,
            title="train the detector" if self.is_detector else "train",
            where=self.where,
        )

    def training(
        self, schedule: TrainingSchedule, group: ProcessGroup, *, device: str, workers: int | None
    ) -> Training:
        """Everything wired together, with random weights.

        Raises
        ------
        DlcxError
            When there is nothing to learn from, or more processes share a batch than it has images.
        """
        import torch

        from dlcx.metrics.error_scale import error_scale
        from dlcx.training.batches import Batches
        from dlcx.training.checkpointer import Checkpointer
        from dlcx.training.loggers import Statistics, TrainLog
        from dlcx.training.loop import Training, TrainingOutputs
        from dlcx.training.optimizers import build_optimizer, build_scheduler
        from dlcx.training.resume_state import seed_all

        runner, settings = self.runner, self.settings
        seed = SEED if settings.seed is None else settings.seed
        if settings.batch_size < group.count:
            raise DlcxError(
                f"{self.where}train_settings.batch_size {settings.batch_size}: {group.count} processes share a "
                "batch, and each needs an image",
                hint=f"Give --set {self.where}train_settings.batch_size={group.count} or more: it is the size of "
                "all shares together.",
            )
        torch.backends.cudnn.deterministic = True
        seed_all(seed)
        learning, test = _images(self.place, self.transforms)
        net = self.build(learning, test, schedule, device, group)
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
            group=group,
        )
        if not len(batches):
            raise DlcxError(f"{self.place.name}: no animal is labelled in the training images")
        optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, net.model.parameters())
        scheduler = None
        if runner.scheduler is not None:
            scheduler = build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)
        checkpointer = Checkpointer(
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
            schedule=schedule,
            group=group,
            yardstick=error_scale(test.poses),
            outputs=TrainingOutputs(checkpointer, Statistics(self.files.learning_stats), log, self.files.resume_state),
            fingerprint={
                "model": self.layers,
                "optimizer": runner.optimizer.model_dump(mode="json"),
                "scheduler": None if runner.scheduler is None else runner.scheduler.model_dump(mode="json"),
                "data.train": None if self.transforms is None else self.transforms.model_dump(mode="json"),
                "images": ["/".join(path.parts[-3:]) for path in learning.paths],
                "batch_size": settings.batch_size,
                "seed": seed,
                "precision": schedule.precision,
            },
        )


def check_metric(name: str, known: tuple[str, ...], where: str) -> None:
    """Raise DlcxError for a ``key_metric`` that is none of those that are measured."""
    if name not in known:
        raise DlcxError(f"{where}: no metric '{name}'", hint=did_you_mean(name, known))


def _images(place: Shuffle, transforms: Transforms | None) -> tuple[LabeledImages, LabeledImages]:
    """The images of the split to learn from, resized for the net, and those to test on, as they are."""
    from dlcx.data.build_transforms import build_resize
    from dlcx.data.labeled_images import LabeledImages
    from dlcx.formats.shuffles.training_set import load_training_set

    labels, split = load_training_set(place)
    if not len(split.train):
        raise DlcxError(f"{place.name}: the split holds no training images")

    def chosen(indices: list[int], **options: Any) -> LabeledImages:
        paths = [place.project.root.joinpath(*labels.images[index]) for index in indices]
        return LabeledImages(paths, [labels.pose(index) for index in indices], **options)

    train, test = split.train.tolist(), split.test.tolist()
    return chosen(train, resize=build_resize(transforms)), chosen(test, cache=TEST_CACHE)
