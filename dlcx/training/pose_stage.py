"""Training of a shuffle's pose network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcx.formats.project_config import read_project_config
from dlcx.project import POSE, Shuffle
from dlcx.training.stage import StageComponents, TrainingStage, check_metric

if TYPE_CHECKING:
    from torch import nn

    from dlcx.data.labeled_images import LabeledImage, LabeledImages
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import Predictor
    from dlcx.settings import DlcxConfig, ModelConfig
    from dlcx.training.evaluation import Evaluation
    from dlcx.training.process_group import ProcessGroup
    from dlcx.training.samples import TrainingSamples
    from dlcx.training.schedule import TrainingSchedule

#: Values of ``runner.key_metric``.
POSE_METRICS = ("test.mAP", "test.mAR", "test.rmse", "test.rmse_pcutoff")


def pose_stage(shuffle: Shuffle, config: ModelConfig, own: DlcxConfig) -> TrainingStage:
    """Return the training stage of a shuffle's pose network.

    Raises
    ------
    DlcxError
        If the key metric is unknown.
    """
    check_metric(config.runner.key_metric, POSE_METRICS, "runner.key_metric")
    return PoseStage(
        shuffle=shuffle,
        key_prefix="",
        prefix=config.runner.snapshot_prefix or POSE,
        flag="--weights",
        metadata_key="weights",
        weights=own.weights,
        block=config,
        tables=read_project_config(shuffle.project.config_path).SuperAnimalConversionTables,
    )


@dataclass(frozen=True, kw_only=True)
class PoseStage(TrainingStage):
    """Trains the pose network; ``tables`` map its bodyparts to those of SuperAnimal weights."""

    block: ModelConfig
    tables: Any

    def build(
        self, learning: LabeledImages, test: LabeledImages, schedule: TrainingSchedule, device: str, group: ProcessGroup
    ) -> StageComponents:
        """See :class:`TrainingStage`."""
        from dlcx.nets.build import build_model
        from dlcx.predictors import create_predictor
        from dlcx.predictors.preprocessing import build_scaling
        from dlcx.training.loss_step import PoseLossStep
        from dlcx.training.resizing import build_resizing

        config, transforms = self.block, self.transforms
        model = build_model(config, from_scratch=self.weights == "none")
        predictor = create_predictor(model, config, device=device)
        chosen = next(model.parameters()).device  # the predictor moved the model there
        scaling = build_scaling(transforms)
        return StageComponents(
            model,
            chosen,
            samples=_samples(learning, config),
            losses=PoseLossStep(model, scaling, chosen, precision=schedule.precision, compiled=schedule.compiled),
            evaluate=_evaluation(test, model, predictor, config, group),
            resizing=build_resizing(transforms.collate if transforms else None, "data.train.collate"),
        )

    def load_initial_weights(self, model: nn.Module) -> str:
        """See :class:`TrainingStage`."""
        from dlcx.nets.weights import load_initial

        return load_initial(cast("PoseModel", model), self.block, self.weights, self.tables)

    def meta_model(self) -> nn.Module:
        """See :class:`TrainingStage`."""
        import torch

        from dlcx.nets.build import build_model

        with torch.device("meta"):
            return build_model(self.block)

    def check_weights(self) -> None:
        """See :class:`TrainingStage`."""
        from dlcx.nets.weights import check_source

        check_source(self.block, self.weights, self.tables)


def _samples(images: LabeledImages, config: ModelConfig) -> TrainingSamples:
    """The training samples of the network's method: full images, or crops around animals."""
    from dlcx.data.build_transforms import build_augmentation, build_cropping, build_jitter, build_sampler
    from dlcx.training.samples import AnimalCrops, ConditionalCrops, FullImages

    transforms, margin = config.data.train, config.data.bbox_margin
    augmentation = build_augmentation(transforms)
    if config.uses_full_images:
        return FullImages(images, augmentation, margin=margin)
    cropping = build_cropping(transforms)
    if config.uses_conditions:
        sampler = build_sampler(config.data.gen_sampling, len(config.metadata.bodyparts))
        return ConditionalCrops(images, augmentation, cropping, sampler, margin=margin)
    return AnimalCrops(images, augmentation, cropping, margin=margin, jitter=build_jitter(transforms))


def _evaluation(
    images: LabeledImages, model: PoseModel, predictor: Predictor, config: ModelConfig, group: ProcessGroup
) -> Evaluation | None:
    """The evaluation on the test images during training; None if no test image has labels."""
    from dlcx.data.build_transforms import build_sampler
    from dlcx.training.evaluation import Evaluation, EvaluationRows, animal_rows, condition_rows, full_image_rows

    if not any(pose.animals.score.any() for pose in images.poses):
        return None
    margin, names = config.data.bbox_margin, config.metadata
    rows_of: Callable[[LabeledImage], EvaluationRows] = full_image_rows
    if config.uses_detector:
        rows_of = animal_rows(margin)
    elif config.uses_conditions:
        rows_of = condition_rows(build_sampler(config.data.gen_sampling, len(names.bodyparts)), margin)
    single = not config.uses_full_images or len(names.individuals) == 1
    return Evaluation(images, model, predictor, single=single, rows_of=rows_of, margin=margin, group=group)
