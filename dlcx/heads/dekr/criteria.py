"""Losses of the DEKR head.

Geng et al. (CVPR 2021), arXiv:2104.02300.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_count
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class HeatmapLoss:
    """Weighted squared error, averaged over all cells."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """Return a float32 scalar."""
        return ((output.float() - target.values).square() * target.weights).mean()


@dataclass(frozen=True)
class OffsetLoss:
    """Weighted smooth L1 loss, quadratic below 1/9 of a cell: its sum divided by the number of cells with a weight."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """Return a float32 scalar; 0 if no cell has a weight."""
        loss = functional.smooth_l1_loss(output.float(), target.values, beta=1 / 9, reduction="none")
        weights = target.weights.expand_as(loss)
        return (loss * weights).sum() / batch_count((weights > 0).sum())
