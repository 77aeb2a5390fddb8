"""The net of a shuffle that finds poses, to be trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dlcx.formats.project_config import read_project_config
from dlcx.project import POSE, Shuffle
from dlcx.training.stage import Net, Part, check_metric

if TYPE_CHECKING:
    from torch import nn

    from dlcx.data.labeled import LabeledImage, LabeledImages
    from dlcx.nets.model import PoseModel
    from dlcx.predictors import Predictor
    from dlcx.settings import ModelConfig, OwnConfig
    from dlcx.training.evaluation import Evaluation
    from dlcx.training.loop import Course
    from dlcx.training.processes import Processes
    from dlcx.training.samples import Samples

#: What ``runner.key_metric`` may be.
POSE_METRICS = ("test.mAP", "test.mAR", "test.rmse", "test.rmse_pcutoff")


def pose_part(place: Shuffle, config: ModelConfig, own: OwnConfig) -> Part:
    """The shuffle's net itself."""
    check_metric(config.runner.key_metric, POSE_METRICS, "runner.key_metric")
    return PosePart(
        place=place,
        where="",
        prefix=config.runner.snapshot_prefix or POSE,
        flag="--weights",
        own_key="weights",
        weights=own.weights,
        block=config,
        tables=read_project_config(place.project.config_path).SuperAnimalConversionTables,
    )


@dataclass(frozen=True, kw_only=True)
class PosePart(Part):
    """The net that finds poses; ``tables`` convert the bodyparts of SuperAnimal weights."""

    block: ModelConfig
    tables: Any

    def build(
        self, learning: LabeledImages, test: LabeledImages, course: Course, device: str, processes: Processes
    ) -> Net:
        """See :class:`Part`."""
        from dlcx.nets.build import build_model
        from dlcx.predictors import create_predictor
        from dlcx.predictors.preprocessing import build_scaling
        from dlcx.training.loss_step import PoseLearner
        from dlcx.training.resizing import build_resizing

        config, transforms = self.block, self.transforms
        model = build_model(config, from_scratch=self.weights == "none")
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

    def fill(self, model: nn.Module) -> str:
        """See :class:`Part`."""
        from dlcx.nets.weights import load_initial

        return load_initial(cast("PoseModel", model), self.block, self.weights, self.tables)

    def layout(self) -> nn.Module:
        """See :class:`Part`."""
        import torch

        from dlcx.nets.build import build_model

        with torch.device("meta"):
            return build_model(self.block)

    def check_weights(self) -> None:
        """See :class:`Part`."""
        from dlcx.nets.weights import check_source

        check_source(self.block, self.weights, self.tables)


def _samples(images: LabeledImages, config: ModelConfig) -> Samples:
    """What the net's method learns from: whole images, or crops around animals."""
    from dlcx.data.build import build_augmentation, build_cropping, build_jitter, build_sampler
    from dlcx.training.samples import ConditionalCrops, Crops, WholeImages

    transforms, margin = config.data.train, config.data.bbox_margin
    augmentation = build_augmentation(transforms)
    if config.method == "bu":
        return WholeImages(images, augmentation, margin=margin)
    cropping = build_cropping(transforms)
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
