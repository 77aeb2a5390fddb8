"""What heads have in common whose targets are drawn on maps of their own size."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.criteria import Loss, head_loss
from dlcx.heads.protocol import Maps
from dlcx.heads.targets import Target


class MapHead(nn.Module):
    """Targets and losses of maps (B, C, H, W), all of one size and ``stride``; a head adds layers and decoding."""

    stride: float
    draw: Callable[[BatchLabels, int, int, float], dict[str, Target]]
    criteria: Mapping[str, Loss]

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """What the maps should be."""
        height, width = maps["heatmap"].shape[-2:]
        return self.draw(labels, height, width, self.stride)

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """The loss of each map that has a criterion, and ``total_loss``."""
        return head_loss(maps, self.targets(maps, labels), self.criteria)
