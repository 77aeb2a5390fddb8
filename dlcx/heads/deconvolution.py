"""The layers between backbone features and a map: transposed convolutions, perhaps a last convolution."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import check_options
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels

#: Largest kernel and stride of a layer, in cells of a map.
MOST_CELLS = 64


class Deconvolution(nn.Module):
    """Transposed convolutions with ReLU between them, then ``final`` = (channels, kernel size) of a convolution.

    ``channels`` holds one number more than ``kernel_size`` and ``strides``.  Without padding, kernel 3 and stride 2
    turn a map of h x w cells into one of (2h + 1) x (2w + 1).
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
        for inside, outside, kernel, stride in zip(channels, channels[1:], kernel_size, strides, strict=False):
            layers += [nn.ConvTranspose2d(inside, outside, kernel, stride), nn.ReLU()]
        self.deconv_layers = nn.Sequential(*layers[:-1])
        self.final_conv = nn.Conv2d(channels[-1], *final) if final else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """(B, channels[0], h, w) -> (B, C, H, W)."""
        return self.final_conv(self.deconv_layers(features))

    def output_rows(self, prefix: str, channels: ChannelMap) -> TensorChannels:
        """Where the maps' channels are in the tensors of the last layer; see :mod:`dlcx.heads.keypoint_channels`."""
        if isinstance(self.final_conv, nn.Conv2d):
            last, outside = f"{prefix}final_conv", 0
        elif len(self.deconv_layers):
            last, outside = f"{prefix}deconv_layers.{len(self.deconv_layers) - 1}", 1
        else:
            return {}
        return {f"{last}.weight": {outside: channels}, f"{last}.bias": {0: channels}}

    def rows(self, prefix: str, inputs: ChannelMap, outputs: ChannelMap) -> TensorChannels:
        """Where the first layer's channels are, of keypoints too, and the maps'."""
        found = self.output_rows(prefix, outputs)
        if len(self.deconv_layers):
            first = f"{prefix}deconv_layers.0.weight"
            return {**found, first: {**found.get(first, {}), 0: inputs}}
        last = f"{prefix}final_conv.weight"
        return {**found, last: {**found[last], 1: inputs}} if last in found else found


def build_deconvolution(
    block: Mapping[str, Any], where: str, *, inside: int, outside: int, fed: int | None = None
) -> Deconvolution:
    """Layers of ``heatmap_config`` and the like, from ``inside`` features to ``outside`` maps.

    ``fed``: what the first layer really gets, where the head works on the features first; the file says ``inside``.

    Raises
    ------
    DlcxError
        When a key is unknown, or lengths or channels do not fit; the message names the place in the file.
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
                if not isinstance(number, int) or not 1 <= number <= MOST_CELLS:
                    raise DlcxError(f"{where}.{name}: expected numbers from 1 to {MOST_CELLS}, got {number!r:.60}")
        if channels[0] != inside:
            raise DlcxError(f"{where}.channels: the first is {channels[0]}, the backbone gives {inside}")
        last = channels[-1] if final_conv is None else final_conv.get("out_channels")
        if last != outside:
            raise DlcxError(f"{where}: the last layer gives {last} maps, the head needs {outside}")
        channels = [fed or inside, *channels[1:]]
        if final_conv is None:
            return Deconvolution(channels, kernel_size, strides)
        check_options(final, final_conv, f"{where}.final_conv")
        return Deconvolution(channels, kernel_size, strides, final(**final_conv))

    def final(out_channels: int, kernel_size: int = 1) -> tuple[int, int]:
        return out_channels, kernel_size

    check_options(layers, block, where)
    return layers(**block)
