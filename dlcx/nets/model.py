"""The pose model: one backbone, perhaps a neck, any number of heads on the features."""

from __future__ import annotations

from typing import Protocol, cast

from torch import Tensor, nn

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.protocol import Head, IdentityHead, Outputs
from dlcx.poses import Prediction


class Backbone(Protocol):
    """What a family's backbone tells the builder beside being an nn.Module.

    One that adds something to a network which has weights of its own may name that child in ``plain``, and say with
    ``keypoint_channels`` (:mod:`dlcx.heads.keypoint_channels`) which of its tensors hold keypoints.
    """

    stride: float
    """Pixels of the input a cell of the features stands for."""
    channels: int
    """Channels of the features."""


class PoseModel(nn.Module):
    """Images to maps, and maps to losses or poses; the children carry DeepLabCut's state-dict names.

    ``freeze_bn_stats`` keeps the backbone's BatchNorm2d layers in eval mode during training, ``freeze_bn_weights``
    keeps their weight and bias from being trained.  With ``centers`` its heads learn the animals' centers too.
    """

    def __init__(
        self,
        backbone: nn.Module,
        heads: dict[str, nn.Module],
        *,
        neck: nn.Module | None = None,
        freeze_bn_stats: bool = False,
        freeze_bn_weights: bool = False,
        centers: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict(heads)
        self.neck = neck  # after the heads, as in DeepLabCut's snapshots
        self.freeze_bn_stats, self.centers = freeze_bn_stats, centers
        if freeze_bn_weights:
            for layer in self._batch_norms():
                layer.requires_grad_(False)

    def forward(self, images: Tensor, *conditions: Tensor) -> Outputs:
        """Maps of every head for normalised images (B, 3, H, W).

        Conditional nets also take ``conditions`` (B, K, 3): x, y and score of a first guess, pixels of the input.
        """
        features = self.backbone(images, *conditions)
        if self.neck is not None:
            features = self.neck(features)
        return {name: head(features) for name, head in self.heads.items()}

    def loss(self, outputs: Outputs, labels: BatchLabels) -> dict[str, Tensor]:
        """``<head>_<map>`` and ``<head>_total_loss`` of every head, and ``total_loss``, the mean over the heads."""
        if self.centers and labels.centers is None:
            labels = labels.with_centers()
        losses = {
            f"{name}_{part}": value
            for name, head in self._heads()
            for part, value in head.loss(outputs[name], labels).items()
        }
        totals = [losses[f"{name}_total_loss"] for name in self.heads]
        return {**losses, "total_loss": sum(totals[1:], totals[0]) / len(totals)}

    def decode(self, outputs: Outputs) -> list[Prediction]:
        """What each of the B images shows, in pixels of the network input."""
        found = {name: head.decode(outputs[name]) for name, head in self._heads()}
        animals, unique = found["bodypart"], found.get("unique_bodypart")
        if "identity" in self.heads:
            animals = cast(IdentityHead, self.heads["identity"]).identity_scores(outputs["identity"], animals)
        return [Prediction(mine, unique=unique[index] if unique else None) for index, mine in enumerate(animals)]

    def train(self, mode: bool = True) -> PoseModel:
        """Training mode, but for batch statistics that are frozen."""
        super().train(mode)
        if self.freeze_bn_stats:
            for layer in self._batch_norms():
                layer.eval()
        return self

    def stride(self, head: str = "bodypart") -> float:
        """Pixels of the network input a cell of this head's maps stands for."""
        return self.head(head).stride

    def head(self, name: str) -> Head:
        """Return a head by its name in pytorch_config.yaml."""
        return cast(Head, self.heads[name])

    def _heads(self) -> list[tuple[str, Head]]:
        return [(name, cast(Head, head)) for name, head in self.heads.items()]

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [layer for layer in self.backbone.modules() if isinstance(layer, nn.BatchNorm2d)]
