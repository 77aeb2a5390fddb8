"""torchvision's detectors, with one class beside the background: an animal.

Images come normalised with ImageNet's mean and deviation, and torchvision normalises them once more.  DeepLabCut's
snapshots were trained so.

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

#: Of each image, the surest first: boxes (N, 4) as x1, y1, x2, y2 in pixels of the input, scores (N,), labels (N,).
Found = list[dict[str, Tensor]]
CLASSES = 2
SSDLITE = "ssdlite320_mobilenet_v3_large"
#: Faster R-CNN's backbones, by a part of the variant's name: the first layers, which COCO's weights keep as they are.
STEMS = {"resnet": ("conv1", "bn1", "layer1"), "mobilenet": tuple(str(stage) for stage in range(7))}


class BoxDetector(nn.Module):
    """Images to boxes of animals; the child carries DeepLabCut's state-dict names, ``model.*`` and torchvision's.

    ``freeze_bn_stats`` keeps all batch norms in eval mode during training, ``freeze_bn_weights`` keeps their weight and
    bias from being trained.  The parameters of ``stem`` are not trained either.
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
            layer.register_forward_pre_hook(_without_statistics_of_one)
            layer.register_forward_hook(_with_statistics_again)

    def forward(self, images: Tensor) -> Found:
        """Boxes in normalised images (B, 3, H, W), which may be of any size; in eval mode only."""
        return self.model(list(images))

    def loss(self, images: Tensor, boxes: Iterable[Tensor]) -> dict[str, Tensor]:
        """torchvision's losses and ``total_loss``, their sum, in training mode only.

        images (B, 3, H, W) normalised; boxes of each image (N, 4) as x, y, width, height in pixels of the input, those
        without width or height are padding.
        """
        losses = self.model(list(images), [_target(of_image) for of_image in boxes])
        return {**losses, "total_loss": torch.stack(list(losses.values())).sum()}

    def decode(self, found: Found) -> list[Instances]:
        """Animals without keypoints, in pixels of the network input, the surest first."""
        return [_instances(of_image) for of_image in found]

    def train(self, mode: bool = True) -> BoxDetector:
        """Training mode, but for batch statistics that are frozen."""
        super().train(mode)
        if self.freeze_bn_stats:
            for layer in self._batch_norms():
                layer.eval()
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [layer for layer in self.model.modules() if isinstance(layer, _BatchNorm)]


def _without_statistics_of_one(layer: nn.Module, inputs: tuple[Tensor]) -> None:
    """A single value a channel, one image in SSDLite's last layer, has no deviation: what was seen before counts."""
    (values,) = inputs
    if layer.training and values.numel() == values.shape[1]:
        layer.eval()
        layer.learns_again = True  # type: ignore[assignment]


def _with_statistics_again(layer: nn.Module, inputs: tuple[Tensor], outputs: Tensor) -> None:
    if getattr(layer, "learns_again", False):
        layer.train()
        layer.learns_again = False  # type: ignore[assignment]


class SharedSSD(SSD):
    """torchvision's SSD, whose losses are by the boxes matched in the whole batch where processes share it out."""

    def compute_loss(self, targets: Any, head_outputs: Any, anchors: Any, matched_idxs: list[Tensor]) -> Any:
        """torchvision's losses, which are by the boxes that are matched in the images at hand."""
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
    """SSDLite on MobileNetV3; ``variant`` has no meaning and is not asked for.

    All layers learn; of one that learns ``from_scratch`` the batch norms do as well.
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
    """Faster R-CNN in one of torchvision's variants; unless it learns from scratch, its first layers stay as they are.

    Raises
    ------
    DlcxError
        For a variant that torchvision does not have.
    """
    model = torchvision_model(variant, box_score_thresh=box_score_thresh)
    names = next(stem for kind, stem in STEMS.items() if kind in variant)
    if from_scratch:
        return BoxDetector(model)
    stem = [layer for name, layer in model.backbone.body.named_children() if name in names]
    return BoxDetector(model, freeze_bn_stats=freeze_bn_stats, freeze_bn_weights=freeze_bn_weights, stem=stem)


def torchvision_model(variant: str | None, *, classes: int = CLASSES, **options: Any) -> Any:
    """torchvision's layers with random weights: a variant of Faster R-CNN, or SSDLite for None.

    Raises
    ------
    DlcxError
        For a variant that torchvision does not have.
    """
    none = {"weights": None, "weights_backbone": None, "num_classes": classes}
    if variant is None:
        model = vars(detection)[SSDLITE](**none, **options)
        model.__class__ = SharedSSD
        return model
    variants = {name: build for name, build in vars(detection).items() if name.startswith("fasterrcnn_")}
    if variant not in variants:
        raise DlcxError(f"detector.model.variant: no '{variant}'", hint=did_you_mean(variant, variants))
    model = variants[variant](**none, **options)
    if "_v2" not in variant:  # torchvision does so where it loads weights
        _freeze_norms(model.backbone.body)
    return model


def _freeze_norms(module: nn.Module) -> None:
    """Exchange the batch norms below ``module`` for ones whose statistics and weights are constants."""
    for name, layer in module.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(layer.num_features, layer.eps))
        else:
            _freeze_norms(layer)


def _target(boxes: Tensor) -> dict[str, Tensor]:
    """What torchvision learns from: boxes as x1, y1, x2, y2, all of class 1."""
    boxes = boxes[(boxes[:, 2:] > 0).all(1)]
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    return {"boxes": corners, "labels": torch.ones(len(boxes), dtype=torch.int64, device=boxes.device)}


def _instances(found: dict[str, Tensor]) -> Instances:
    score, order = found["scores"].detach().float().sort(descending=True, stable=True)
    corners = found["boxes"].detach().float()[order]
    box = torch.cat([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
    return Instances.of_boxes(box.cpu().numpy(), score.cpu().numpy())
