"""Layers of the DEKR head: each keypoint has its own branch, whose convolutions adapt to each cell.

Geng et al. (CVPR 2021), arXiv:2104.02300; deformable convolution: Dai et al. (ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import DeformConv2d, deform_conv2d

from dlcx.errors import DlcxError

#: Position of the 9 cells of a 3 x 3 kernel relative to its center: y, then x.
KERNEL_OFFSETS = ((-1, -1, -1, 0, 0, 0, 1, 1, 1), (-1, 0, 1, -1, 0, 1, -1, 0, 1))


class BasicBlock(nn.Module):
    """Residual block of two 3 x 3 convolutions (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the shape of ``x``, (B, C, H, W)."""
        inner = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(inner)) + x)


class AdaptiveBlock(nn.Module):
    """Parameters of one keypoint's adaptive 3 x 3 convolution; :class:`OffsetBranch` runs all keypoints at once."""

    regular_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("regular_matrix", torch.tensor(KERNEL_OFFSETS, dtype=torch.float32))
        self.transform_matrix_conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.translation_conv = nn.Conv2d(channels, 2, 3, padding=1)
        self.adapt_conv = DeformConv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)


class HeatmapBranch(nn.Module):
    """Computes the score maps of keypoints and, in the last channel, of centers.

    Parameters
    ----------
    channels, hidden, maps
        Channels of the features, of the layers in between, and of the maps (K + 1).
    blocks
        Number of residual blocks.
    """

    def __init__(self, channels: int, hidden: int, maps: int, blocks: int) -> None:
        super().__init__()
        self.transition_heatmap = _transition(channels, hidden)
        self.head_heatmap = nn.Sequential(
            nn.Sequential(*(BasicBlock(hidden) for _ in range(blocks))), nn.Conv2d(hidden, maps, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Compute maps (B, K + 1, H, W) from features (B, C, H, W)."""
        output: Tensor = self.head_heatmap(self.transition_heatmap(features))
        return output


class OffsetBranch(nn.Module):
    """Computes the offset vectors from each keypoint to each cell.

    The state dict has separate layers for each keypoint. Their weights are stacked, so that all keypoints are computed
    by grouped convolutions with one group per keypoint.

    Parameters
    ----------
    channels
        Channels of the features.
    width
        Channels per keypoint.
    keypoints
        Number of keypoints K.
    blocks
        Number of adaptive blocks.
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
        """Compute offset vectors (B, 2K, H, W), x before y of each keypoint, in cells, from features (B, C, H, W)."""
        x = self.transition_offset(features)
        for level in zip(*cast(Sequence[nn.Sequential], self.offset_feature_layers), strict=True):
            x = self._adaptive_block(x, cast(Sequence[AdaptiveBlock], level))
        weight, bias = _stack(self.offset_final_layer, "weight"), _stack(self.offset_final_layer, "bias")
        return functional.conv2d(x, weight, bias, groups=len(self.offset_final_layer))

    def _adaptive_block(self, x: Tensor, level: Sequence[AdaptiveBlock]) -> Tensor:
        """Apply one adaptive block of all K keypoints to (B, K * width, H, W)."""

        def convolve(name: str) -> Tensor:
            weight, bias = _stack(level, f"{name}.weight"), _stack(level, f"{name}.bias")
            return functional.conv2d(x, weight, bias, padding=1, groups=len(level))

        batch, _, height, width = x.shape
        weight = _stack(level, "adapt_conv.weight")  # the deformation is computed in the precision of the weights
        matrix = convolve("transform_matrix_conv").to(weight.dtype).reshape(batch, len(level), 1, 2, 2, height, width)
        shift = convolve("translation_conv").to(weight.dtype).reshape(batch, len(level), 1, 2, height, width)
        regular = level[0].regular_matrix[..., None, None, None]  # (2, 9, 1, 1, 1)
        transformed = matrix[:, :, :, :, 0] * regular[0] + matrix[:, :, :, :, 1] * regular[1]  # (B, K, 9, 2, H, W)
        y = deformable_convolution(x.to(weight.dtype), transformed + shift, weight)
        return functional.relu(_batch_norm(y, [block.bn for block in level], self.training) + x)


def deformable_convolution(x: Tensor, offsets: Tensor, weight: Tensor) -> Tensor:
    """Apply K grouped 3 x 3 convolutions that sample anywhere.

    torchvision's implementation is slow on CPUs. There, sampling first and multiplying afterwards is three times as
    fast in inference and nine times as fast in training.

    Parameters
    ----------
    x
        (B, K * C, H, W).
    offsets
        (B, K, 9, 2, H, W): y and x from a cell to each of its 9 samples.
    weight
        (K * C, C, 3, 3).

    Returns
    -------
    Tensor
        (B, K * C, H, W).
    """
    batch, keypoints, _, _, height, width = offsets.shape
    if x.device.type != "cpu":
        regular = torch.tensor(KERNEL_OFFSETS, dtype=offsets.dtype, device=offsets.device).T[:, :, None, None]
        output: Tensor = deform_conv2d(x, (offsets - regular).flatten(1, 3), weight, padding=1)
        return output
    cell_y, cell_x = torch.arange(height, dtype=offsets.dtype), torch.arange(width, dtype=offsets.dtype)
    sample_y, sample_x = offsets[:, :, :, 0] + cell_y[:, None], offsets[:, :, :, 1] + cell_x
    grid = torch.stack([(2 * sample_x + 1) / width - 1, (2 * sample_y + 1) / height - 1], -1)  # (B, K, 9, H, W, 2)
    values = functional.grid_sample(
        x.reshape(batch * keypoints, -1, height, width),
        grid.reshape(batch * keypoints, -1, width, 2),
        align_corners=False,
    )
    values = values.reshape(batch, keypoints, -1, height * width)  # (B, K, C * 9, H W)
    return (weight.reshape(keypoints, -1, values.shape[2]) @ values).reshape(x.shape)


def build_heatmap_branch(
    channels: Sequence[int], num_blocks: int = 1, dilation_rate: int = 1, final_conv_kernel: int = 1
) -> HeatmapBranch:
    """Build the block ``heatmap_config``; ``channels`` are those of the features, the hidden layers and the maps.

    Raises
    ------
    DlcxError
        If ``dilation_rate`` or ``final_conv_kernel`` is not 1, which no network of DeepLabCut uses.
    """
    _refuse_unused_options("heatmap_config", dilation_rate, final_conv_kernel)
    in_channels, hidden, maps = channels
    return HeatmapBranch(in_channels, hidden, maps, num_blocks)


def build_offset_branch(
    channels: Sequence[int],
    num_offset_per_kpt: int = 15,
    num_blocks: int = 2,
    dilation_rate: int = 1,
    final_conv_kernel: int = 1,
) -> OffsetBranch:
    """Build the block ``offset_config``; ``channels`` are those of the features, the hidden layers and the keypoints.

    Raises
    ------
    DlcxError
        If the hidden channels are not ``num_offset_per_kpt`` per keypoint, or if ``dilation_rate`` or
        ``final_conv_kernel`` is not 1.
    """
    _refuse_unused_options("offset_config", dilation_rate, final_conv_kernel)
    in_channels, hidden, keypoints = channels
    if hidden != num_offset_per_kpt * keypoints:
        raise DlcxError(
            f"offset_config.channels: expected {num_offset_per_kpt} x {keypoints} = {num_offset_per_kpt * keypoints} "
            f"in the middle, got {hidden}"
        )
    return OffsetBranch(in_channels, num_offset_per_kpt, keypoints, num_blocks)


def _refuse_unused_options(block: str, dilation_rate: int, final_conv_kernel: int) -> None:
    for key, value in (("dilation_rate", dilation_rate), ("final_conv_kernel", final_conv_kernel)):
        if value != 1:
            raise DlcxError(f"{block}.{key}: only 1 is supported, got {value}")


def _transition(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU())


def _stack(layers: Sequence[nn.Module] | nn.ModuleList, name: str) -> Tensor:
    """Concatenate one parameter of the layers of all keypoints."""
    return torch.cat([layer.get_parameter(name) for layer in layers])


def _batch_norm(x: Tensor, norms: Sequence[nn.BatchNorm2d], training: bool) -> Tensor:
    """Apply batch norms to consecutive groups of channels, as one; training updates the statistics of each."""
    mean = torch.cat([cast(Tensor, norm.running_mean) for norm in norms])
    variance = torch.cat([cast(Tensor, norm.running_var) for norm in norms])
    weight, bias = _stack(norms, "weight"), _stack(norms, "bias")
    first = norms[0]
    y = functional.batch_norm(x, mean, variance, weight, bias, training, first.momentum or 0.0, first.eps)
    if training:
        size = first.num_features
        with torch.no_grad():
            for norm, norm_mean, norm_variance in zip(norms, mean.split(size), variance.split(size), strict=True):
                cast(Tensor, norm.running_mean).copy_(norm_mean)
                cast(Tensor, norm.running_var).copy_(norm_variance)
                cast(Tensor, norm.num_batches_tracked).add_(1)
    return y
