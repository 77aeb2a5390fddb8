"""A training stage: one network of a shuffle, its training samples, schedule and snapshots."""

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
    from dlcx.settings.model import DetectorConfig, Runner, TrainSettings
    from dlcx.settings.transforms import Transforms
    from dlcx.training.batches import Batch
    from dlcx.training.loop import Evaluate, Training
    from dlcx.training.process_group import ProcessGroup
    from dlcx.training.resizing import Resizing
    from dlcx.training.samples import TrainingSamples
    from dlcx.training.schedule import TrainingSchedule

#: Default number of threads that prepare images for a GPU.
GPU_WORKERS = 4
SEED = 42
#: Bytes of the cache of decoded test images.
TEST_CACHE = 1 << 29


@dataclass(frozen=True)
class StageComponents:
    """What :meth:`TrainingStage.build` creates: the network, its training samples, losses and evaluation."""

    model: nn.Module
    device: torch.device
    samples: TrainingSamples
    losses: Callable[[Batch], dict[str, Tensor]]
    evaluate: Evaluate | None
    resizing: Resizing | None


@dataclass(frozen=True, kw_only=True)
class TrainingStage(ABC):
    """One network of a shuffle that can be trained.

    Attributes
    ----------
    shuffle
        The shuffle.
    key_prefix
        Prefix of the keys of its settings in pytorch_config.yaml: empty, or ``detector.``.
    prefix
        Name prefix of its snapshots.
    flag, metadata_key
        The flag of its initial weights, and the key of dlcx.yaml that stores them.
    weights
        Source of the initial weights.
    block
        Its settings.
    """

    shuffle: Shuffle
    key_prefix: str
    prefix: str
    flag: str
    metadata_key: str
    weights: str
    block: ModelConfig | DetectorConfig

    @property
    def runner(self) -> Runner:
        """Optimizer, learning-rate schedule and snapshot rules."""
        return self.block.runner

    @property
    def settings(self) -> TrainSettings:
        """Number of epochs and batch size."""
        return self.block.train_settings

    @property
    def transforms(self) -> Transforms | None:
        """Augmentation of the training images."""
        return self.block.data.train

    @property
    def layers(self) -> Mapping[str, Any]:
        """The settings of its layers."""
        return self.block.model.model_dump(mode="json")

    @property
    def resume_from(self) -> str | None:
        """The snapshot that pytorch_config.yaml says to resume from."""
        return self.block.resume_training_from

    @abstractmethod
    def build(
        self, learning: LabeledImages, test: LabeledImages, schedule: TrainingSchedule, device: str, group: ProcessGroup
    ) -> StageComponents:
        """Create the network with random weights, its training samples, its losses and its evaluation."""

    @abstractmethod
    def load_initial_weights(self, model: nn.Module) -> str:
        """Load the initial weights into ``model``; return a message that says what was loaded."""

    @abstractmethod
    def meta_model(self) -> nn.Module:
        """Create the network on the meta device, without allocating memory."""

    @abstractmethod
    def check_weights(self) -> None:
        """Raise DlcxError if the initial weights are not available."""

    @property
    def is_detector(self) -> bool:
        """Whether the network detects animals rather than estimating poses."""
        return bool(self.key_prefix)

    @property
    def files(self) -> TrainingFiles:
        """The files that the training writes beside its snapshots."""
        return self.shuffle.training_files(detector=self.is_detector)

    def check_keys(self) -> None:
        """Check the settings that the file's schema does not: layers, optimizer and learning-rate schedule.

        Raises
        ------
        DlcxError
            If a key is not accepted.
        """
        from dlcx.training.optimizers import build_optimizer, build_scheduler

        optimizer, scheduler = self.runner.optimizer, self.runner.scheduler
        learning = build_optimizer(optimizer.type, optimizer.params, self.meta_model().parameters())
        if scheduler is not None:
            build_scheduler(scheduler.type, scheduler.params, learning)

    def check_schedule(self) -> None:
        """Check that the learning-rate schedule covers all epochs.

        Raises
        ------
        DlcxError
            If the schedule ends earlier; names the key to change.
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
            key = f"{self.key_prefix}runner.scheduler.params.total_steps"
            raise DlcxError(
                f"{self.key_prefix}train_settings.epochs is {epochs}, but {scheduler.type} of "
                f"{self.key_prefix}runner.scheduler ends after {total}",
                hint=f"Add --set {key}={epochs}, or request at most {total} epochs.",
            ) from error

    def schedule(self, *, early_stop: int | None, precision: str, compiled: bool) -> TrainingSchedule:
        """Return the number of epochs and how they are computed."""
        from dlcx.training.schedule import TrainingSchedule

        return TrainingSchedule(
            epochs=self.settings.epochs,
            eval_interval=self.runner.eval_interval,
            early_stop=early_stop,
            precision=precision,
            compiled=compiled,
            save_optimizer=self.runner.snapshots.save_optimizer_state,
            title="train the detector" if self.is_detector else "train",
            key_prefix=self.key_prefix,
        )

    def training(
        self, schedule: TrainingSchedule, group: ProcessGroup, *, device: str, workers: int | None
    ) -> Training:
        """Create the training with random weights.

        Parameters
        ----------
        schedule
            Number of epochs and how they are computed.
        group
            The processes that share each batch.
        device
            Device of this process.
        workers
            Number of threads that prepare samples; None takes the value of pytorch_config.yaml.

        Raises
        ------
        DlcxError
            If there are no training samples, or fewer images per batch than processes.
        """
        import torch

        from dlcx.metrics.error_scale import error_scale
        from dlcx.training.batches import Batches
        from dlcx.training.checkpointer import Checkpointer
        from dlcx.training.loggers import Statistics, TrainLog
        from dlcx.training.loop import Training
        from dlcx.training.optimizers import build_optimizer, build_scheduler
        from dlcx.training.outputs import TrainingOutputs
        from dlcx.training.resume_state import seed_all

        runner, settings = self.runner, self.settings
        seed = SEED if settings.seed is None else settings.seed
        if settings.batch_size < group.count:
            raise DlcxError(
                f"{self.key_prefix}train_settings.batch_size {settings.batch_size}: {group.count} processes share a "
                "batch, and each needs at least one image",
                hint=f"Give --set {self.key_prefix}train_settings.batch_size={group.count} or more: the batch size "
                "counts the images of all processes.",
            )
        torch.backends.cudnn.deterministic = True
        seed_all(seed)
        train, test = _images(self.shuffle, self.transforms)
        net = self.build(train, test, schedule, device, group)
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
            raise DlcxError(f"{self.shuffle.name}: no animal is labeled in the training images")
        optimizer = build_optimizer(runner.optimizer.type, runner.optimizer.params, net.model.parameters())
        scheduler = None
        if runner.scheduler is not None:
            scheduler = build_scheduler(runner.scheduler.type, runner.scheduler.params, optimizer)
        checkpointer = Checkpointer(
            self.shuffle,
            prefix=self.prefix,
            key_metric=runner.key_metric,
            ascending=runner.key_metric_asc,
            save_interval=runner.snapshots.save_epochs,
            max_snapshots=runner.snapshots.max_snapshots,
        )
        log = TrainLog(self.shuffle.train_log_path)
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
            error_scale=error_scale(test.poses),
            outputs=TrainingOutputs(checkpointer, Statistics(self.files.learning_stats), log, self.files.resume_state),
            fingerprint={
                "model": self.layers,
                "optimizer": runner.optimizer.model_dump(mode="json"),
                "scheduler": None if runner.scheduler is None else runner.scheduler.model_dump(mode="json"),
                "data.train": None if self.transforms is None else self.transforms.model_dump(mode="json"),
                "images": ["/".join(path.parts[-3:]) for path in train.paths],
                "batch_size": settings.batch_size,
                "seed": seed,
                "precision": schedule.precision,
            },
        )


def check_metric(name: str, known: tuple[str, ...], where: str) -> None:
    """Raise DlcxError if a ``key_metric`` is not measured."""
    if name not in known:
        raise DlcxError(f"{where}: no metric '{name}'", hint=did_you_mean(name, known))


def _images(shuffle: Shuffle, transforms: Transforms | None) -> tuple[LabeledImages, LabeledImages]:
    """The training images, resized for the network, and the test images at their own size."""
    from dlcx.data.build_transforms import build_resize
    from dlcx.data.labeled_images import LabeledImages
    from dlcx.formats.shuffles.training_set import load_training_set

    labels, split = load_training_set(shuffle)
    if not len(split.train):
        raise DlcxError(f"{shuffle.name}: the split holds no training images")

    def chosen(indices: list[int], **options: Any) -> LabeledImages:
        paths = [shuffle.project.root.joinpath(*labels.images[index]) for index in indices]
        return LabeledImages(paths, [labels.pose(index) for index in indices], **options)

    train, test = split.train.tolist(), split.test.tolist()
    return chosen(train, resize=build_resize(transforms)), chosen(test, cache=TEST_CACHE)
