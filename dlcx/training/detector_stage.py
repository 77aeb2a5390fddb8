"""Training of the detector of a top-down network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from dlcx.errors import DlcxError
from dlcx.project import DETECTOR, Shuffle
from dlcx.training.stage import StageComponents, TrainingStage, check_metric

if TYPE_CHECKING:
    from torch import nn

    from dlcx.data.labeled_images import LabeledImages
    from dlcx.nets.detectors.model import BoxDetector
    from dlcx.settings import DlcxConfig, ModelConfig
    from dlcx.settings.model import DetectorConfig
    from dlcx.training.process_group import ProcessGroup
    from dlcx.training.schedule import TrainingSchedule

#: Values of ``detector.runner.key_metric``.
BOX_METRICS = tuple(f"test.{name}@{overlap}" for name in ("mAP", "mAR") for overlap in ("50:95", "50", "75"))


def detector_stage(shuffle: Shuffle, config: ModelConfig, own: DlcxConfig) -> TrainingStage | None:
    """Return the training stage of a shuffle's detector; None if the network has none.

    Raises
    ------
    DlcxError
        If the detector's key metric is unknown.
    """
    detector = config.detector
    if detector is None:
        return None
    check_metric(detector.runner.key_metric, BOX_METRICS, "detector.runner.key_metric")
    return DetectorStage(
        shuffle=shuffle,
        key_prefix="detector.",
        prefix=detector.runner.snapshot_prefix or DETECTOR,
        flag="--detector-weights",
        metadata_key="detector_weights",
        weights=_first_weights(config, own),
        block=detector,
        config=config,
    )


def _first_weights(config: ModelConfig, own: DlcxConfig) -> str:
    """The initial weights named by a flag, otherwise those that ``weight_init`` names beside the pose network's."""
    init = config.train_settings.weight_init
    if own.detector_weights is None and own.weights == "weight_init" and init and init.detector_snapshot_path:
        return init.detector_snapshot_path
    return own.detector_source


@dataclass(frozen=True, kw_only=True)
class DetectorStage(TrainingStage):
    """Trains the network that finds boxes around animals."""

    block: DetectorConfig
    config: ModelConfig

    def build(
        self, learning: LabeledImages, test: LabeledImages, schedule: TrainingSchedule, device: str, group: ProcessGroup
    ) -> StageComponents:
        """See :class:`TrainingStage`."""
        from dlcx.data.build_transforms import build_augmentation
        from dlcx.metrics.boxes import MAX_DETECTIONS
        from dlcx.nets.build import build_detector
        from dlcx.predictors.detector import create_detector
        from dlcx.predictors.preprocessing import build_scaling
        from dlcx.training.evaluation import BoxEvaluation
        from dlcx.training.loss_step import DetectorLossStep
        from dlcx.training.resizing import build_resizing
        from dlcx.training.samples import FullImages

        if not any(pose.animals.score.any() for pose in learning.poses):
            raise DlcxError(f"{self.shuffle.name}: no animal is labeled in the training images")
        config, settings, transforms = self.config, self.block, self.transforms
        margin = config.data.bbox_margin
        model = build_detector(settings, from_scratch=self.weights == "none")
        requested = config.device if (device, settings.device) == ("auto", "auto") else device
        detector = create_detector(model, settings, max_animals=MAX_DETECTIONS, device=requested)
        has_labels = any(pose.animals.score.any() for pose in test.poses)
        return StageComponents(
            model,
            detector.device,
            samples=FullImages(learning, build_augmentation(transforms, keypoints=False), margin=margin),
            losses=DetectorLossStep(model, build_scaling(transforms), detector.device, precision=schedule.precision),
            evaluate=BoxEvaluation(test, detector, margin=margin, group=group) if has_labels else None,
            resizing=build_resizing(transforms.collate if transforms else None, "detector.data.train.collate"),
        )

    def load_initial_weights(self, model: nn.Module) -> str:
        """See :class:`TrainingStage`."""
        from dlcx.nets.detectors.weights import load_initial_detector

        return load_initial_detector(cast("BoxDetector", model), self.block, self.weights)

    def meta_model(self) -> nn.Module:
        """See :class:`TrainingStage`."""
        import torch

        from dlcx.nets.build import build_detector

        with torch.device("meta"):
            return build_detector(self.block)

    def check_weights(self) -> None:
        """See :class:`TrainingStage`."""
        from dlcx.nets.detectors.weights import check_detector_source

        check_detector_source(self.block, self.weights)
