"""Losses of the DEKR head."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_count
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class HeatmapLoss:
    """Mean over all cells of weighted squared differences."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32."""
        return ((output.float() - target.values).square() * target.weights).mean()


@dataclass(frozen=True)
class OffsetLoss:
    """Differences, squared below 1/9 of a cell, weighted; their sum by the number of cells that count."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32; 0 where nothing counts."""
        loss = functional.smooth_l1_loss(output.float(), target.values, beta=1 / 9, reduction="none")
        weights = target.weights.expand_as(loss)
        return (loss * weights).sum() / batch_count((weights > 0).sum())
