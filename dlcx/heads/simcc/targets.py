"""Targets of the SimCC head: the distribution of a keypoint over the bins of x and of y.

Li et al., SimCC (ECCV 2022), arXiv:2107.03332. Shapes: B crops, K keypoints, W and H bins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.simcc.values import sigma_pair, size_pair
from dlcx.heads.targets import Target


@dataclass(frozen=True)
class SimCCTargets:
    """Renders keypoints into bins: a Gaussian around the nearest bin, or that bin alone with label smoothing.

    Parameters
    ----------
    input_size
        Width and height of the crop in pixels.
    sigma
        Standard deviations of the Gaussian for x and y, in bins.
    split_ratio
        Bins per pixel.
    gaussian
        Render a Gaussian.
    smoothing
        Without ``gaussian``: probability that is distributed over the other bins.
    normalize
        Divide the Gaussian by its integral; otherwise its maximum is 1.
    """

    input_size: tuple[int, int]
    sigma: tuple[float, float]
    split_ratio: float = 2.0
    gaussian: bool = True
    smoothing: float = 0.0
    normalize: bool = False

    def __call__(self, labels: BatchLabels) -> dict[str, Target]:
        """Return the targets ``x`` (B, K, W) and ``y`` (B, K, H); weights (B, K) are 0 unless visible and inside."""
        keypoints = labels.keypoints[:, 0]
        center = (keypoints[..., :2].nan_to_num() * self.split_ratio).round()  # (B, K, 2)
        reach = torch.tensor([3 * value if self.gaussian else 0.0 for value in self.sigma], device=center.device)
        bins = torch.tensor(self.bins, device=center.device)
        margin = 1.0 if self.gaussian else 0.0
        inside = (center - reach < bins) & (center + reach + margin >= 0)
        visible = (keypoints[..., 2] > 0) & inside.all(-1)
        return {
            axis: Target(self._render(center[..., index], index) * visible[..., None], visible.to(torch.float32))
            for index, axis in enumerate("xy")
        }

    @property
    def bins(self) -> tuple[int, int]:
        """Number of bins for x and for y."""
        return int(self.input_size[0] * self.split_ratio), int(self.input_size[1] * self.split_ratio)

    def _render(self, center: Tensor, axis: int) -> Tensor:
        count, sigma = self.bins[axis], self.sigma[axis]
        distance = torch.arange(count, device=center.device, dtype=torch.float32) - center[..., None]
        if self.gaussian:
            values = torch.exp(-distance.square() / (2 * sigma**2))
            return values / (sigma * math.sqrt(2 * math.pi)) if self.normalize else values
        return torch.where(distance == 0, 1 - self.smoothing, self.smoothing / (count - 1))


def build_targets(
    input_size: Sequence[int],
    smoothing_type: str = "gaussian",
    sigma: Any = 6.0,
    simcc_split_ratio: float = 2.0,
    label_smooth_weight: float = 0.0,
    normalize: bool = True,
) -> SimCCTargets:
    """Build the block ``{type: SimCCGenerator, ...}``.

    Raises
    ------
    DlcxError
        If a value is not valid.
    """
    if smoothing_type not in ("gaussian", "standard"):
        hint = did_you_mean(smoothing_type, ("gaussian", "standard"))
        raise DlcxError(f"target_generator.smoothing_type: unknown '{smoothing_type}'", hint=hint)
    return SimCCTargets(
        input_size=size_pair(input_size, "target_generator.input_size"),
        sigma=sigma_pair(sigma, "target_generator.sigma"),
        split_ratio=simcc_split_ratio,
        gaussian=smoothing_type == "gaussian",
        smoothing=label_smooth_weight,
        normalize=normalize,
    )
