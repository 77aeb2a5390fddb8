"""A first guess of a pose as maps: one blob a keypoint.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(BUCTD, ICCV 2023), arXiv:2306.07879.  Values are DeepLabCut 3.0.2's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Height of the highest blob of a crop.
PEAK = 255.0


class StackedKeypointEncoder(nn.Module):
    """Condition maps (B, K, H, W) of conditions (B, K, 3): x, y and score, pixels of the crop.

    Keypoints outside of the crop or of score 0 give an empty map.  Each other one is a Gaussian blob, reflected at the
    border; the highest of a crop is 255.  The blob sits one pixel left of and above its keypoint, for the first column
    or row at the opposite border, and nan counts as 0: snapshots of DeepLabCut have learned that.

    ``kernel_size`` (width, height) is odd; ``img_size`` (height, width) bounds what counts as inside.
    """

    def __init__(self, num_joints: int, kernel_size: Sequence[int] = (15, 15), img_size: Sequence[int] = (256, 256)):
        super().__init__()
        self.channels = num_joints
        self.kernel_size, self.img_size = tuple(kernel_size), tuple(img_size)

    def forward(self, conditions: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps of ``size`` (height, width) in float32."""
        limits = [min(pair) for pair in zip(self.img_size, size, strict=True)]
        x, y, score = conditions.float().nan_to_num(0.0).unbind(-1)
        seen = (score > 0) & (x >= 0) & (y >= 0) & (x <= limits[1]) & (y <= limits[0])
        across, down = (
            _blob(torch.where(seen, place, 0).long() - 1, length, kernel)
            for place, length, kernel in zip((x, y), reversed(size), self.kernel_size, strict=True)
        )
        maps = down[..., :, None] * across[..., None, :] * seen[..., None, None]
        highest = maps.amax((1, 2, 3), keepdim=True)
        return maps * (PEAK / highest.clamp(min=1.0))  # a blob is 1 at its middle: less is an empty crop


def _blob(place: Tensor, length: int, kernel: int) -> Tensor:
    """Gaussians (..., length) about each cell of ``place`` (...), as wide as OpenCV's of that ``kernel``."""
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    place = (place % length)[..., None]
    cells = torch.arange(length, device=place.device)

    def height(distance: Tensor) -> Tensor:
        near = distance.abs() <= kernel // 2
        return torch.exp(-distance.float().square() / (2 * sigma**2)) * near

    mirrored = height(cells + place) * (place > 0) + height(2 * (length - 1) - cells - place) * (place < length - 1)
    return height(cells - place) + mirrored
