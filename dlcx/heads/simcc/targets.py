"""Targets of the SimCC head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.simcc.values import pair, sigma_pair
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class SimCCTargets:
    """A keypoint's bins: a Gaussian around the nearest one, or (``gaussian`` False) that bin alone.

    ``input_size`` and ``sigma`` (in bins) are for x and y.  Label smoothing gives a share to all other bins.
    """

    input_size: tuple[int, int]
    sigma: tuple[float, float]
    split_ratio: float = 2.0
    gaussian: bool = True
    smoothing: float = 0.0
    normalize: bool = False

    def __call__(self, labels: BatchLabels) -> dict[str, Target]:
        """Targets ``x`` (B, K, W) and ``y`` (B, K, H) with a weight (B, K): 0 unless visible and inside."""
        keypoints = labels.keypoints[:, 0]
        centre = (keypoints[..., :2].nan_to_num() * self.split_ratio).round()  # (B, K, 2)
        reach = torch.tensor([3 * value if self.gaussian else 0.0 for value in self.sigma], device=centre.device)
        bins = torch.tensor(self.bins, device=centre.device)
        end = 1.0 if self.gaussian else 0.0
        inside = (centre - reach < bins) & (centre + reach + end >= 0)
        seen = (keypoints[..., 2] > 0) & inside.all(-1)
        return {
            axis: Target(self._draw(centre[..., index], index) * seen[..., None], seen.to(torch.float32))
            for index, axis in enumerate("xy")
        }

    @property
    def bins(self) -> tuple[int, int]:
        """Number of bins for x and for y."""
        return int(self.input_size[0] * self.split_ratio), int(self.input_size[1] * self.split_ratio)

    def _draw(self, centre: Tensor, axis: int) -> Tensor:
        count, sigma = self.bins[axis], self.sigma[axis]
        distance = torch.arange(count, device=centre.device, dtype=torch.float32) - centre[..., None]
        if self.gaussian:
            drawn = torch.exp(-distance.square() / (2 * sigma**2))
            return drawn / (sigma * math.sqrt(2 * math.pi)) if self.normalize else drawn
        return torch.where(distance == 0, 1 - self.smoothing, self.smoothing / (count - 1))


def build_targets(
    input_size: Sequence[int],
    smoothing_type: str = "gaussian",
    sigma: Any = 6.0,
    simcc_split_ratio: float = 2.0,
    label_smooth_weight: float = 0.0,
    normalize: bool = True,
) -> SimCCTargets:
    """A block ``{type: SimCCGenerator, ...}``."""
    if smoothing_type not in ("gaussian", "standard"):
        hint = did_you_mean(smoothing_type, ("gaussian", "standard"))
        raise DlcxError(f"target_generator.smoothing_type: unknown '{smoothing_type}'", hint=hint)
    return SimCCTargets(
        input_size=pair(input_size, "target_generator.input_size"),
        sigma=sigma_pair(sigma, "target_generator.sigma"),
        split_ratio=simcc_split_ratio,
        gaussian=smoothing_type == "gaussian",
        smoothing=label_smooth_weight,
        normalize=normalize,
    )
