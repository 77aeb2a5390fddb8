"""Layers from backbone features to maps: transposed convolutions and an optional final convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import check_options
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels

#: Largest kernel size and stride of a layer, in cells of a map.
MAX_CELLS = 64


class Deconvolution(nn.Sequential):
    """Transposed convolutions with ReLU between them, then an optional convolution.

    Features (B, channels[0], h, w) become maps (B, C, H, W).

    The layers are not padded: kernel size 3 and stride 2 turn a map of h x w cells into (2h + 1) x (2w + 1) cells.

    Parameters
    ----------
    channels
        Channels of the features, then the output channels of each transposed convolution.
    kernel_size, strides
        One value per transposed convolution.
    final
        Output channels and kernel size of the final convolution; None for no such layer.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernel_size: Sequence[int],
        strides: Sequence[int],
        final: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.stride = math.prod(strides)
        layers: list[nn.Module] = []
        for in_channels, out_channels, kernel, stride in zip(
            channels, channels[1:], kernel_size, strides, strict=False
        ):
            layers += [nn.ConvTranspose2d(in_channels, out_channels, kernel, stride), nn.ReLU()]
        self.deconv_layers = nn.Sequential(*layers[:-1])
        self.final_conv = nn.Conv2d(channels[-1], *final) if final else nn.Identity()

    def output_channels(self, prefix: str, channels: ChannelMap) -> TensorChannels:
        """Locate the channels of the maps in the last layer; see :mod:`dlcx.heads.keypoint_channels`.

        Parameters
        ----------
        prefix
            Prefix of this module's tensors in the state dict of the head.
        channels
            Where the channels of the maps come from.
        """
        if isinstance(self.final_conv, nn.Conv2d):
            layer, dimension = f"{prefix}final_conv", 0
        elif len(self.deconv_layers):
            layer, dimension = f"{prefix}deconv_layers.{len(self.deconv_layers) - 1}", 1
        else:
            return {}
        return {f"{layer}.weight": {dimension: channels}, f"{layer}.bias": {0: channels}}

    def all_channels(self, prefix: str, inputs: ChannelMap, outputs: ChannelMap) -> TensorChannels:
        """Like :meth:`output_channels`, for layers whose input channels depend on the keypoints too."""
        found = self.output_channels(prefix, outputs)
        if len(self.deconv_layers):
            first = f"{prefix}deconv_layers.0.weight"
            return {**found, first: {**found.get(first, {}), 0: inputs}}
        last = f"{prefix}final_conv.weight"
        return {**found, last: {**found[last], 1: inputs}} if last in found else found


def build_deconvolution(
    block: Mapping[str, Any], where: str, *, in_channels: int, out_channels: int, actual_in_channels: int | None = None
) -> Deconvolution:
    """Build the layers of a block such as ``heatmap_config``.

    Parameters
    ----------
    block
        ``channels``, ``kernel_size``, ``strides`` and optionally ``final_conv``.
    where
        Place of the block in pytorch_config.yaml.
    in_channels
        Channels of the backbone features, which the block must state as its first channels.
    out_channels
        Channels of the maps, which the last layer must have.
    actual_in_channels
        Input channels of the first layer, if the head processes the backbone features first.

    Raises
    ------
    DlcxError
        If a key is unknown, or if numbers of layers or channels do not agree.
    """

    def layers(
        channels: Sequence[int],
        kernel_size: Sequence[int],
        strides: Sequence[int],
        final_conv: Mapping[str, Any] | None = None,
    ) -> Deconvolution:
        if not len(channels) - 1 == len(kernel_size) == len(strides):
            raise DlcxError(
                f"{where}: {len(channels)} channels need {len(channels) - 1} values in kernel_size and in strides, "
                f"got {len(kernel_size)} and {len(strides)}"
            )
        for name, numbers in (("kernel_size", kernel_size), ("strides", strides)):
            for number in numbers:
                if not isinstance(number, int) or not 1 <= number <= MAX_CELLS:
                    raise DlcxError(f"{where}.{name}: expected numbers from 1 to {MAX_CELLS}, got {number!r:.60}")
        if channels[0] != in_channels:
            raise DlcxError(f"{where}.channels: the first is {channels[0]}, the backbone has {in_channels}")
        last = channels[-1] if final_conv is None else final_conv.get("out_channels")
        if last != out_channels:
            raise DlcxError(f"{where}: the last layer has {last} channels, the head needs {out_channels}")
        channels = [actual_in_channels or in_channels, *channels[1:]]
        if final_conv is None:
            return Deconvolution(channels, kernel_size, strides)
        check_options(final, final_conv, f"{where}.final_conv")
        return Deconvolution(channels, kernel_size, strides, final(**final_conv))

    def final(out_channels: int, kernel_size: int = 1) -> tuple[int, int]:
        return out_channels, kernel_size

    check_options(layers, block, where)
    return layers(**block)
