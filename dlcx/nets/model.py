"""The pose model: a backbone, an optional neck, and any number of heads."""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.protocol import Head, IdentityHead, Outputs
from dlcx.poses import Prediction


class Backbone(Protocol):
    """What a backbone must define in addition to being an ``nn.Module``.

    A backbone that extends a network with its own pretrained weights may name this child in ``wrapped_network``. One
    whose tensors hold keypoints describes them in ``keypoint_channels`` (:mod:`dlcx.heads.keypoint_channels`).
    """

    stride: float
    """Pixels of the input per cell of the features."""
    channels: int
    """Channels of the features."""


def check_outputs(outputs: Outputs) -> Outputs:
    """Return the maps of a network after checking them for nan, which decoding would take for "nothing found".

    Raises
    ------
    DlcxError
        If a map contains nan; the message names the map.
    """
    maps = {f"{head}.{name}": value for head, found in outputs.items() for name, value in found.items()}
    if not maps or not bool(torch.stack([value.isnan().any() for value in maps.values()]).any()):
        return outputs
    name = next(name for name, value in maps.items() if value.isnan().any())
    raise DlcxError(
        f"the network's map {name} contains values that are not numbers (nan)",
        hint="Its weights are damaged, or --precision is too low for them: try --precision fp32 or another --snapshot.",
    )


class PoseModel(nn.Module):
    """Computes maps from images, and losses or poses from maps; state-dict names are DeepLabCut's.

    Parameters
    ----------
    backbone
        Computes features; see :class:`Backbone`.
    heads
        Heads by name; see :class:`dlcx.heads.protocol.Head`.
    neck
        Layers between the backbone and the heads.
    freeze_bn_stats
        Keep the backbone's BatchNorm2d layers in eval mode during training.
    freeze_bn_weights
        Do not train their weights and biases.
    centers
        The heads learn the centers of animals.
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
        self.neck = neck  # after the heads, the order of DeepLabCut's snapshots
        self.freeze_bn_stats, self.centers = freeze_bn_stats, centers
        if freeze_bn_weights:
            for layer in self._batch_norms():
                layer.requires_grad_(False)

    def forward(self, images: Tensor, *conditions: Tensor) -> Outputs:
        """Compute the maps of every head.

        Parameters
        ----------
        images
            Normalized images (B, 3, H, W).
        *conditions
            For conditional networks: x, y and score (B, K, 3) of the initial pose, in pixels of the input.

        Returns
        -------
        dict
            Maps by head and name.
        """
        features = self.backbone(images, *conditions)
        if self.neck is not None:
            features = self.neck(features)
        return {name: head(features) for name, head in self.heads.items()}

    def loss(self, outputs: Outputs, labels: BatchLabels) -> dict[str, Tensor]:
        """Return the losses ``<head>_<map>`` and ``<head>_total_loss``, and their mean over heads, ``total_loss``."""
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
        """Return the poses in each of the B images, in pixels of the network input."""
        found = {name: head.decode(outputs[name]) for name, head in self._heads()}
        animals, unique = found["bodypart"], found.get("unique_bodypart")
        if "identity" in self.heads:
            animals = cast(IdentityHead, self.heads["identity"]).identity_scores(outputs["identity"], animals)
        return [Prediction(mine, unique=unique[index] if unique else None) for index, mine in enumerate(animals)]

    def train(self, mode: bool = True) -> PoseModel:
        """Set training mode, except for frozen batch norms."""
        super().train(mode)
        if self.freeze_bn_stats:
            for layer in self._batch_norms():
                layer.eval()
        return self

    def stride(self, head: str = "bodypart") -> float:
        """Return the pixels of the network input per cell of a head's maps."""
        return self.head(head).stride

    def head(self, name: str) -> Head:
        """Return a head by its name in pytorch_config.yaml."""
        return cast(Head, self.heads[name])

    def _heads(self) -> list[tuple[str, Head]]:
        return [(name, cast(Head, head)) for name, head in self.heads.items()]

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [layer for layer in self.backbone.modules() if isinstance(layer, nn.BatchNorm2d)]
