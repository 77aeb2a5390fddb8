"""Targets: the values that maps should have, and the grid of cells they are defined on.

Cell (i, j) of a map with stride s stands for the pixel x = j s + s/2, y = i s + s/2 of the network input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels

#: Flag of a keypoint that is not defined in an image.
UNDEFINED = -1


@dataclass(frozen=True)
class Target:
    """Target of one map.

    Parameters
    ----------
    values
        (B, C, H, W): the values that the map should have.
    weights
        Weight of each cell in the loss, of the same shape or broadcastable to it.
    """

    values: Tensor
    weights: Tensor


class TargetGenerator(Protocol):
    """Renders labels into the targets of a head's maps."""

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Return the targets by the map's name, for maps of ``height`` x ``width`` cells."""
        ...


def cell_centers(height: int, width: int, stride: float, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Return pixel x of each column (W,) and pixel y of each row (H,), rounded down as in DeepLabCut."""
    x = torch.arange(width, device=device, dtype=torch.float32) * stride + stride / 2
    y = torch.arange(height, device=device, dtype=torch.float32) * stride + stride / 2
    return x.floor(), y.floor()
