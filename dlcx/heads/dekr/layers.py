"""Layers of the DEKR head: every keypoint has a branch of its own, whose kernels adapt to each cell.

Geng et al. (CVPR 2021), arXiv:2104.02300; deformable convolution: Dai et al. (ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import DeformConv2d, deform_conv2d

#: y, then x of the cells of a 3 x 3 kernel about its middle.
KERNEL_OFFSETS = ((-1, -1, -1, 0, 0, 0, 1, 1, 1), (-1, 0, 1, -1, 0, 1, -1, 0, 1))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around which the input is added (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), same shape."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + x)


class AdaptiveBlock(nn.Module):
    """The layers of one keypoint's adaptive 3 x 3 convolution; :class:`OffsetBranch` runs those of all together."""

    regular_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("regular_matrix", torch.tensor(KERNEL_OFFSETS, dtype=torch.float32))
        self.transform_matrix_conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.translation_conv = nn.Conv2d(channels, 2, 3, padding=1)
        self.adapt_conv = DeformConv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)


class HeatmapBranch(nn.Module):
    """Features (B, C, H, W) -> keypoint maps and, last, the map of centres (B, K + 1, H, W)."""

    def __init__(self, channels: int, hidden: int, maps: int, blocks: int) -> None:
        super().__init__()
        self.transition_heatmap = _transition(channels, hidden)
        self.head_heatmap = nn.Sequential(
            nn.Sequential(*(BasicBlock(hidden) for _ in range(blocks))), nn.Conv2d(hidden, maps, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Maps of the features."""
        return self.head_heatmap(self.transition_heatmap(features))


class OffsetBranch(nn.Module):
    """Features (B, C, H, W) -> the ways from each keypoint to each cell (B, 2 K, H, W), x then y, in cells.

    The state dict has layers for each keypoint; their weights are stacked, so that all keypoints are one grouped
    convolution, a group a keypoint.
    """

    def __init__(self, channels: int, width: int, keypoints: int, blocks: int) -> None:
        super().__init__()
        self.width = width
        self.transition_offset = _transition(channels, width * keypoints)
        self.offset_feature_layers = nn.ModuleList(
            nn.Sequential(*(AdaptiveBlock(width) for _ in range(blocks))) for _ in range(keypoints)
        )
        self.offset_final_layer = nn.ModuleList(nn.Conv2d(width, 2, 1) for _ in range(keypoints))

    def forward(self, features: Tensor) -> Tensor:
        """Offsets of the features."""
        x = self.transition_offset(features)
        for level in zip(*cast(Sequence[nn.Sequential], self.offset_feature_layers), strict=True):
            x = self._adapt(x, cast(Sequence[AdaptiveBlock], level))
        weight, bias = _stacked(self.offset_final_layer, "weight"), _stacked(self.offset_final_layer, "bias")
        return functional.conv2d(x, weight, bias, groups=len(self.offset_final_layer))

    def _adapt(self, x: Tensor, level: Sequence[AdaptiveBlock]) -> Tensor:
        """One adaptive block of all K keypoints: (B, K * width, H, W), same shape."""

        def convolved(name: str) -> Tensor:
            weight, bias = _stacked(level, f"{name}.weight"), _stacked(level, f"{name}.bias")
            return functional.conv2d(x, weight, bias, padding=1, groups=len(level))

        batch, _, height, width = x.shape
        weight = _stacked(level, "adapt_conv.weight")  # the deformation is computed as precisely as weights are kept
        matrix = convolved("transform_matrix_conv").to(weight.dtype).reshape(batch, len(level), 1, 2, 2, height, width)
        shift = convolved("translation_conv").to(weight.dtype).reshape(batch, len(level), 1, 2, height, width)
        taps = level[0].regular_matrix[..., None, None, None]  # (2, 9, 1, 1, 1)
        turned = matrix[:, :, :, :, 0] * taps[0] + matrix[:, :, :, :, 1] * taps[1]  # (B, K, 9, 2, H, W), y then x
        y = deformable_convolution(x.to(weight.dtype), turned + shift, weight)
        return functional.relu(_batch_norm(y, [block.bn for block in level], self.training) + x)


def deformable_convolution(x: Tensor, ways: Tensor, weight: Tensor) -> Tensor:
    """K 3 x 3 convolutions side by side whose taps lie anywhere, (B, K * C, H, W), same shape.

    ``ways`` (B, K, 9, 2, H, W) are y and x from a cell to each tap, ``weight`` (K * C, C, 3, 3).  torchvision's own
    code is slow on CPUs: there, taking the values first and multiplying then is three times as fast, and learning
    nine times.
    """
    batch, keypoints, _, _, height, width = ways.shape
    if x.device.type != "cpu":
        usual = torch.tensor(KERNEL_OFFSETS, dtype=ways.dtype, device=ways.device).T[:, :, None, None]
        return deform_conv2d(x, (ways - usual).flatten(1, 3), weight, padding=1)
    cell_y, cell_x = torch.arange(height, dtype=ways.dtype), torch.arange(width, dtype=ways.dtype)
    place_y, place_x = ways[:, :, :, 0] + cell_y[:, None], ways[:, :, :, 1] + cell_x
    grid = torch.stack([(2 * place_x + 1) / width - 1, (2 * place_y + 1) / height - 1], -1)  # (B, K, 9, H, W, 2)
    values = functional.grid_sample(
        x.reshape(batch * keypoints, -1, height, width),
        grid.reshape(batch * keypoints, -1, width, 2),
        align_corners=False,
    )
    values = values.reshape(batch, keypoints, -1, height * width)  # (B, K, C * 9, H W)
    return (weight.reshape(keypoints, -1, values.shape[2]) @ values).reshape(x.shape)


def _transition(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU())


def _stacked(layers: Sequence[nn.Module] | nn.ModuleList, name: str) -> Tensor:
    """The weights of all keypoints' layers, one after the other."""
    return torch.cat([layer.get_parameter(name) for layer in layers])


def _batch_norm(x: Tensor, norms: Sequence[nn.BatchNorm2d], training: bool) -> Tensor:
    """Batch norms side by side on the channels of ``x``, as one; in training their statistics are updated."""
    mean = torch.cat([cast(Tensor, norm.running_mean) for norm in norms])
    variance = torch.cat([cast(Tensor, norm.running_var) for norm in norms])
    weight, bias = _stacked(norms, "weight"), _stacked(norms, "bias")
    first = norms[0]
    y = functional.batch_norm(x, mean, variance, weight, bias, training, first.momentum or 0.0, first.eps)
    if training:
        size = first.num_features
        with torch.no_grad():
            for norm, own_mean, own_variance in zip(norms, mean.split(size), variance.split(size), strict=True):
                cast(Tensor, norm.running_mean).copy_(own_mean)
                cast(Tensor, norm.running_var).copy_(own_variance)
                cast(Tensor, norm.num_batches_tracked).add_(1)
    return y
