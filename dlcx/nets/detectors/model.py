"""torchvision's detectors with two classes, background and animal.

Images are normalized with ImageNet's mean and standard deviation, and torchvision normalizes them again. DeepLabCut's
snapshots were trained this way.

Howard et al., Searching for MobileNetV3 (ICCV 2019), for SSDLite; Ren et al., Faster R-CNN (NeurIPS 2015).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.models import detection
from torchvision.models.detection.ssd import SSD
from torchvision.ops import FrozenBatchNorm2d

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.loss_normalization import batch_count
from dlcx.poses import Instances

#: Of each image, best first: boxes (N, 4) as x1, y1, x2, y2 in pixels of the input, scores (N,), labels (N,).
RawDetections = list[dict[str, Tensor]]
CLASSES = 2
SSDLITE = "ssdlite320_mobilenet_v3_large"
#: First layers of Faster R-CNN's backbones, which are not trained, by a part of the variant's name.
STEMS = {"resnet": ("conv1", "bn1", "layer1"), "mobilenet": tuple(str(stage) for stage in range(7))}


class BoxDetector(nn.Module):
    """Detects the boxes of animals; state-dict names are DeepLabCut's, ``model.`` and torchvision's.

    Parameters
    ----------
    model
        A detector of torchvision.
    freeze_bn_stats
        Keep all batch norms in eval mode during training.
    freeze_bn_weights
        Do not train their weights and biases.
    stem
        Layers whose parameters are not trained.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        freeze_bn_stats: bool = False,
        freeze_bn_weights: bool = False,
        stem: Iterable[nn.Module] = (),
    ) -> None:
        super().__init__()
        self.model = model
        self.freeze_bn_stats = freeze_bn_stats
        frozen = [*stem, *(self._batch_norms() if freeze_bn_weights else ())]
        for layer in frozen:
            layer.requires_grad_(False)
        for layer in self._batch_norms():
            layer.register_forward_pre_hook(_skip_single_value_statistics)
            layer.register_forward_hook(_restore_training)

    def forward(self, images: Tensor) -> RawDetections:
        """Detect boxes in normalized images (B, 3, H, W) of any size; in eval mode only."""
        result: RawDetections = self.model(list(images))
        return result

    def loss(self, images: Tensor, boxes: Iterable[Tensor]) -> dict[str, Tensor]:
        """Return torchvision's losses and their sum, ``total_loss``; in training mode only.

        Parameters
        ----------
        images
            Normalized images (B, 3, H, W).
        boxes
            x, y, width and height (N, 4) of the animals of each image, in pixels of the input. Boxes without width or
            height are padding.
        """
        losses = self.model(list(images), [_target(of_image) for of_image in boxes])
        return {**losses, "total_loss": torch.stack(list(losses.values())).sum()}

    def decode(self, found: RawDetections) -> list[Instances]:
        """Return boxes as animals without keypoints, in pixels of the network input, best first."""
        return [_instances(of_image) for of_image in found]

    def train(self, mode: bool = True) -> BoxDetector:
        """Set training mode, except for frozen batch norms."""
        super().train(mode)
        if self.freeze_bn_stats:
            for layer in self._batch_norms():
                layer.eval()
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [layer for layer in self.model.modules() if isinstance(layer, _BatchNorm)]


def _skip_single_value_statistics(layer: nn.Module, inputs: tuple[Tensor]) -> None:
    """Use the running statistics if there is one value per channel, as for one image in SSDLite's last layer."""
    (values,) = inputs
    if layer.training and values.numel() == values.shape[1]:
        layer.eval()
        layer.resumes_training = True  # type: ignore[assignment]


def _restore_training(layer: nn.Module, inputs: tuple[Tensor], outputs: Tensor) -> None:
    if getattr(layer, "resumes_training", False):
        layer.train()
        layer.resumes_training = False  # type: ignore[assignment]


class DistributedSSD(SSD):  # type: ignore[misc]  # torchvision has no types
    """torchvision's SSD, with losses normalized over the whole batch in distributed training."""

    def compute_loss(self, targets: Any, head_outputs: Any, anchors: Any, matched_idxs: list[Tensor]) -> Any:
        """Return torchvision's losses, divided by the number of matched boxes in the whole batch."""
        losses = super().compute_loss(targets, head_outputs, anchors, matched_idxs)
        matched = torch.stack([(of_image >= 0).sum() for of_image in matched_idxs]).sum()
        factor = matched.clamp(min=1) / batch_count(matched)
        return {name: value * factor for name, value in losses.items()}


def ssdlite(
    *,
    freeze_bn_stats: bool = False,
    freeze_bn_weights: bool = False,
    variant: str | None = None,
    box_score_thresh: float = 0.01,
    from_scratch: bool = False,
) -> BoxDetector:
    """Build SSDLite on MobileNetV3, with all layers trainable.

    Parameters
    ----------
    freeze_bn_stats, freeze_bn_weights
        Freeze batch norms; see :class:`BoxDetector`.
    variant
        Ignored.
    box_score_thresh
        Minimum score of a box.
    from_scratch
        The detector will be trained from random weights, so that batch norms are not frozen.
    """
    del variant
    model = torchvision_model(None, score_thresh=box_score_thresh)
    return BoxDetector(
        model,
        freeze_bn_stats=freeze_bn_stats and not from_scratch,
        freeze_bn_weights=freeze_bn_weights and not from_scratch,
    )


def faster_rcnn(
    *,
    variant: str,
    freeze_bn_stats: bool = False,
    freeze_bn_weights: bool = False,
    box_score_thresh: float = 0.01,
    from_scratch: bool = False,
) -> BoxDetector:
    """Build Faster R-CNN.

    Parameters
    ----------
    variant
        A variant of torchvision, such as ``fasterrcnn_resnet50_fpn_v2``.
    freeze_bn_stats, freeze_bn_weights
        Freeze batch norms; see :class:`BoxDetector`.
    box_score_thresh
        Minimum score of a box.
    from_scratch
        The detector will be trained from random weights, so that no layer is frozen. Otherwise the first layers of the
        backbone are.

    Raises
    ------
    DlcxError
        If torchvision does not have the variant.
    """
    model = torchvision_model(variant, box_score_thresh=box_score_thresh)
    names = next(stem for kind, stem in STEMS.items() if kind in variant)
    if from_scratch:
        return BoxDetector(model)
    stem = [layer for name, layer in model.backbone.body.named_children() if name in names]
    return BoxDetector(model, freeze_bn_stats=freeze_bn_stats, freeze_bn_weights=freeze_bn_weights, stem=stem)


def torchvision_model(variant: str | None, *, classes: int = CLASSES, **options: Any) -> Any:
    """Build a detector of torchvision with random weights: a variant of Faster R-CNN, or SSDLite if it is None.

    Raises
    ------
    DlcxError
        If torchvision does not have the variant.
    """
    random_weights = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if variant is None:
        model = vars(detection)[SSDLITE](**random_weights, **options)
        model.__class__ = DistributedSSD
        return model
    variants = {name: build for name, build in vars(detection).items() if name.startswith("fasterrcnn_")}
    if variant not in variants:
        raise DlcxError(f"detector.model.variant: no '{variant}'", hint=did_you_mean(variant, variants))
    model = variants[variant](**random_weights, **options)
    if "_v2" not in variant:  # as torchvision does for pretrained weights
        _freeze_norms(model.backbone.body)
    return model


def _freeze_norms(module: nn.Module) -> None:
    """Replace the batch norms in ``module`` by ones with constant statistics and weights."""
    for name, layer in module.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(layer.num_features, layer.eps))
        else:
            _freeze_norms(layer)


def _target(boxes: Tensor) -> dict[str, Tensor]:
    """The target in torchvision's format: boxes as x1, y1, x2, y2, all of class 1."""
    boxes = boxes[(boxes[:, 2:] > 0).all(1)]
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return {"boxes": corners, "labels": torch.ones(len(boxes), dtype=torch.int64, device=boxes.device)}


def _instances(found: dict[str, Tensor]) -> Instances:
    score, order = found["scores"].detach().float().sort(descending=True, stable=True)
    corners = found["boxes"].detach().float()[order]
    box = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
    return Instances.from_boxes(box.cpu().numpy(), score.cpu().numpy())
