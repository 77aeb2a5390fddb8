"""Base class of heads whose maps all have the same size."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.criteria import Loss, head_loss
from dlcx.heads.protocol import Maps
from dlcx.heads.targets import Target, TargetGenerator


class MapHead(nn.Module):
    """Targets and losses of maps (B, C, H, W), all of one size and ``stride``; a subclass adds layers and decoding."""

    stride: float
    target_generator: TargetGenerator
    criteria: Mapping[str, Loss]

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """Return the targets by the map's name, rendered at the size of ``heatmap``."""
        height, width = maps["heatmap"].shape[-2:]
        return self.target_generator(labels, height, width, self.stride)

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """Return the loss of each map that has a criterion, and ``total_loss``."""
        return head_loss(maps, self.targets(maps, labels), self.criteria)
