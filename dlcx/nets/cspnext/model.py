"""CSPNeXt, the backbone of RTMDet and RTMPose: cross-stage partial blocks with large depthwise kernels.

Lyu et al., RTMDet (2022), arXiv:2212.07784.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Output channels and number of blocks of each stage, before scaling.
STAGES = ((128, 3), (256, 6), (512, 6), (1024, 3))
STEM = 64
POOLS = (5, 9, 13)


class SyncNorm(nn.SyncBatchNorm):
    """Batch norm that is not a BatchNorm2d, so that ``freeze_bn_stats`` does not affect it, as in DeepLabCut.

    In distributed training all batch norms use the statistics of the whole batch
    (:mod:`dlcx.training.distributed_losses`).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize (B, C, H, W)."""
        return nn.BatchNorm2d.forward(self, x)


class ConvModule(nn.Module):
    """Padded convolution, batch norm and SiLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
        self.norm = SyncNorm(out_channels)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Compute (B, out_channels, H / stride, W / stride) from (B, in_channels, H, W)."""
        return functional.silu(self.norm(self.conv(x)), inplace=True)


class DepthwiseSeparable(nn.Module):
    """Depthwise convolution with a large kernel, then a pointwise convolution."""

    def __init__(self, channels: int, kernel: int = 5) -> None:
        super().__init__()
        self.depthwise_conv = ConvModule(channels, channels, kernel, groups=channels)
        self.pointwise_conv = ConvModule(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, channels, H, W)."""
        output: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return output


class CSPNeXtBlock(nn.Module):
    """Two convolutions with an optional residual connection."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvModule(channels, channels, 3)
        self.conv2 = DepthwiseSeparable(channels)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, channels, H, W)."""
        y = self.conv2(self.conv1(x))
        output: Tensor = x + y if self.shortcut else y
        return output


class ChannelAttention(nn.Module):
    """Scales each channel by a factor computed from the mean of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, channels, H, W)."""
        return x * functional.hardsigmoid(self.fc(functional.adaptive_avg_pool2d(x, 1)))


class CSPLayer(nn.Module):
    """Cross-stage partial layer: only half of the channels pass through the ``blocks``."""

    def __init__(self, channels: int, blocks: int, shortcut: bool) -> None:
        super().__init__()
        half = channels // 2
        self.main_conv = ConvModule(channels, half)
        self.short_conv = ConvModule(channels, half)
        self.final_conv = ConvModule(2 * half, channels)
        self.blocks = nn.Sequential(*(CSPNeXtBlock(half, shortcut) for _ in range(blocks)))
        self.attention = ChannelAttention(2 * half)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, channels, H, W)."""
        both = torch.cat([self.blocks(self.main_conv(x)), self.short_conv(x)], 1)
        output: Tensor = self.final_conv(self.attention(both))
        return output


class SPPBottleneck(nn.Module):
    """Spatial pyramid pooling: adds the maxima of windows of several sizes around each cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = ConvModule(channels, half)
        self.conv2 = ConvModule(half * (len(POOLS) + 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, channels, H, W)."""
        x = self.conv1(x)
        pooled = [functional.max_pool2d(x, size, stride=1, padding=size // 2) for size in POOLS]
        output: Tensor = self.conv2(torch.cat([x, *pooled], 1))
        return output


class CSPNeXt(nn.Module):
    """Computes features (B, channels, H / 32, W / 32) of images (B, 3, H, W).

    Parameters
    ----------
    model_name
        Name of the network, which selects its ImageNet weights.
    deepen_factor, widen_factor
        Factors of the number of blocks per stage and of the channels.
    """

    def __init__(self, model_name: str = "cspnext_m", deepen_factor: float = 0.67, widen_factor: float = 0.75) -> None:
        super().__init__()
        width = int(STEM * widen_factor)
        self.stem = nn.Sequential(
            ConvModule(3, width // 2, 3, stride=2),
            ConvModule(width // 2, width // 2, 3),
            ConvModule(width // 2, width, 3),
        )
        for number, (channels, count) in enumerate(STAGES, start=1):
            in_channels, width = width, int(channels * widen_factor)
            last = number == len(STAGES)
            pyramid = [SPPBottleneck(width)] if last else []
            blocks = max(round(count * deepen_factor), 1)
            stage = nn.Sequential(
                ConvModule(in_channels, width, 3, stride=2), *pyramid, CSPLayer(width, blocks, shortcut=not last)
            )
            self.add_module(f"stage{number}", stage)
        self.model_name = model_name
        self.stride = 32
        self.channels = width

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of the last stage."""
        x = images
        for stage in self.children():
            x = stage(x)
        return x
