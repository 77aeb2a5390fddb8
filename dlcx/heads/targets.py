"""Targets of maps, shared by the heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels

UNDEFINED = -1


@dataclass(frozen=True)
class Target:
    """What a map should be (B, C, H, W) and how much each cell counts (same shape, or broadcast to it)."""

    values: Tensor
    weights: Tensor


def cell_centers(height: int, width: int, stride: float, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Pixel x of each column (W,) and y of each row (H,), whole numbers: DeepLabCut rounds them down."""
    x = torch.arange(width, device=device, dtype=torch.float32) * stride + stride / 2
    y = torch.arange(height, device=device, dtype=torch.float32) * stride + stride / 2
    return x.floor(), y.floor()


class TargetGenerator(Protocol):
    """Draws labels into maps."""

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets by the map's name."""
        ...
