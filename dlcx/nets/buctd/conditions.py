"""Condition maps: the initial pose as one Gaussian blob per keypoint.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(BUCTD, ICCV 2023), arXiv:2306.07879. Constants are DeepLabCut 3.0.2's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

#: Maximum of the maps of a crop.
PEAK = 255.0


class StackedKeypointEncoder(nn.Module):
    """Renders conditions into maps, one Gaussian blob per keypoint, reflected at the border.

    The maximum of a crop is 255; keypoints outside of the crop or with score 0 have an empty map. Two peculiarities are
    DeepLabCut's, because its snapshots were trained with them: a blob is one pixel to the left of and above its
    keypoint (at the opposite border for the first column or row), and nan counts as 0.

    Parameters
    ----------
    num_joints
        Number of keypoints K.
    kernel_size
        Width and height of a blob in pixels, odd.
    img_size
        Height and width of the area in which keypoints are rendered.
    """

    def __init__(self, num_joints: int, kernel_size: Sequence[int] = (15, 15), img_size: Sequence[int] = (256, 256)):
        super().__init__()
        self.channels = num_joints
        self.kernel_size, self.img_size = tuple(kernel_size), tuple(img_size)

    def forward(self, conditions: Tensor, size: tuple[int, int]) -> Tensor:
        """Return float32 maps (B, K, height, width) of conditions (B, K, 3): x, y and score, in pixels of the crop."""
        limits = [min(pair) for pair in zip(self.img_size, size, strict=True)]
        x, y, score = conditions.float().nan_to_num(0.0).unbind(-1)
        visible = (score > 0) & (x >= 0) & (y >= 0) & (x <= limits[1]) & (y <= limits[0])
        across, down = (
            _blob(torch.where(visible, position, 0).long() - 1, length, kernel)
            for position, length, kernel in zip((x, y), reversed(size), self.kernel_size, strict=True)
        )
        maps = down[..., :, None] * across[..., None, :] * visible[..., None, None]
        highest = maps.amax((1, 2, 3), keepdim=True)
        return maps * (PEAK / highest.clamp(min=1.0))  # a blob is 1 at its center; empty crops stay 0


def _blob(position: Tensor, length: int, kernel: int) -> Tensor:
    """Gaussians (..., length) around ``position`` (...), with the width that OpenCV derives from the kernel size."""
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    position = (position % length)[..., None]
    cells = torch.arange(length, device=position.device)

    def height(distance: Tensor) -> Tensor:
        near = distance.abs() <= kernel // 2
        return torch.exp(-distance.float().square() / (2 * sigma**2)) * near

    low = height(cells + position) * (position > 0)  # reflected at the first and at the last cell
    high = height(2 * (length - 1) - cells - position) * (position < length - 1)
    return height(cells - position) + (low + high)
