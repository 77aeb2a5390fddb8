"""What every predictor offers, whatever its net."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.heads.protocol import Outputs
from dlcx.poses import Instances, Prediction
from dlcx.predictors.geometry import Geometry

#: What is found in images (B, H, W, 3) uint8 RGB of one size: boxes for top-down nets, poses for conditional ones.
Finder = Callable[[np.ndarray], list[Instances]]


@dataclass(frozen=True)
class Inputs:
    """R rows that a net sees: what it is called with, where the pixels of each row went, and which image it shows."""

    tensors: tuple[Tensor, ...]
    geometries: tuple[Geometry, ...]
    owners: np.ndarray  # (R,)

    def __len__(self) -> int:
        return len(self.geometries)


def checked(outputs: Outputs) -> Outputs:
    """The maps of a net, unless some of their values are no numbers, which would pass for "nothing seen".

    Raises
    ------
    DlcxError
        When they are not; names the first such map.
    """
    maps = {f"{head}.{name}": value for head, found in outputs.items() for name, value in found.items()}
    if not maps or not bool(torch.stack([value.isnan().any() for value in maps.values()]).any()):
        return outputs
    name = next(name for name, value in maps.items() if value.isnan().any())
    raise DlcxError(
        f"the net computes values that are not numbers (nan) in its map {name}",
        hint="Its weights are damaged, or --precision is too low for them: try --precision fp32 or another --snapshot.",
    )


class Predictor(Protocol):
    """Images to poses; no command asks which kind it holds.

    ``guesses`` are what is known of each image already: boxes for top-down nets, poses for conditional ones.  Without
    them the predictor finds them itself; bottom-up nets need none.
    """

    def inputs(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> Inputs:
        """What the net gets for images (B, H, W, 3) uint8 RGB of one size."""
        ...

    def predict(self, images: np.ndarray, guesses: Sequence[Instances] | None = None) -> list[Prediction]:
        """Poses in pixels of the images, one prediction an image."""
        ...
