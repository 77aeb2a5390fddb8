"""A U-Net with residual blocks, without the decoder levels finer than stride 8, which score maps do not need.

Ronneberger et al., U-Net (MICCAI 2015), arXiv:1505.04597.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Residual block of two convolutions; ``stride`` 2 halves the resolution."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        same = in_channels == out_channels and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.layers(x) + self.shortcut(x))


class SmallUNet(nn.Module):
    """Return features (B, 4 width, H / 8, W / 8) of images (B, 3, H, W) of any size."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stride = 8  # input pixels per feature cell
        self.channels = 4 * width  # feature channels
        self.first = nn.Conv2d(3, width, 7, stride=2, padding=3)
        self.down1 = Block(width, 2 * width, stride=2)
        self.down2 = Block(2 * width, 4 * width, stride=2)
        self.down3 = Block(4 * width, 4 * width, stride=2)
        self.up = Block(8 * width, 4 * width)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down2(self.down1(functional.relu(self.first(images))))
        coarse = functional.interpolate(self.down3(fine), fine.shape[-2:], mode="bilinear")
        return self.up(torch.cat([fine, coarse], 1))
