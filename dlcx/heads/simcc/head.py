"""SimCC head of RTMPose: each coordinate is a classification over bins finer than a pixel.

Li et al., SimCC (ECCV 2022), arXiv:2107.03332; Jiang et al., RTMPose (2023), arXiv:2303.07399. The layers fix the size
of the input, so that only crops of that size work.
Shapes: B crops with one animal each, K keypoints, W and H bins (input size times split ratio).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config, check_options
from dlcx.heads.criteria import head_loss
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.protocol import HeadContext, MapDescription, Maps
from dlcx.heads.simcc.criteria import KLDiscreteLoss, build_criterion
from dlcx.heads.simcc.decoding import BinArgmaxDecoder, build_decoder
from dlcx.heads.simcc.layers import GatedAttention, ScaleNorm, build_attention
from dlcx.heads.simcc.targets import SimCCTargets, build_targets
from dlcx.heads.simcc.values import size_pair
from dlcx.heads.targets import Target
from dlcx.poses import Instances


class SimCCHead(nn.Module):
    """Computes the logits of the bins, ``x`` (B, K, W) and ``y`` (B, K, H), from features (B, C, h, w).

    Parameters
    ----------
    channels, keypoints
        Numbers of channels C and of keypoints K.
    features
        Width w and height h of the features.
    kernel_size
        Of the convolution that computes one map per keypoint.
    hidden
        Length of the vector of a keypoint.
    attention
        Attention between the keypoints.
    stride
        Pixels of the crop per cell of the features.
    targets, criteria, decoder
        Targets of the bins, the loss of each axis, and how they are decoded.
    """

    def __init__(
        self,
        channels: int,
        keypoints: int,
        *,
        features: tuple[int, int],
        kernel_size: int,
        hidden: int,
        attention: GatedAttention,
        stride: float,
        targets: SimCCTargets,
        criteria: dict[str, KLDiscreteLoss],
        decoder: BinArgmaxDecoder,
    ) -> None:
        super().__init__()
        self.features, self.stride = features, stride
        self.gau = attention
        self.final_layer = nn.Conv2d(channels, keypoints, kernel_size, padding=kernel_size // 2)
        self.mlp = nn.Sequential(ScaleNorm(math.prod(features)), nn.Linear(math.prod(features), hidden, bias=False))
        self.cls_x = nn.Linear(hidden, targets.bins[0], bias=False)
        self.cls_y = nn.Linear(hidden, targets.bins[1], bias=False)
        self.target_generator, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Compute the logits of features (B, C, h, w).

        Raises
        ------
        DlcxError
            If the features have another size than the head was built for.
        """
        height, width = features.shape[-2:]
        if (width, height) != self.features:
            expected, got = self._pixels(*self.features), self._pixels(width, height)
            raise DlcxError(
                f"the network expects crops of {expected} pixels, got {got}",
                hint="Set data.train.top_down_crop and data.inference.top_down_crop to that size.",
            )
        tokens = self.gau(self.mlp(self.final_layer(features).flatten(2)))
        return {"x": self.cls_x(tokens), "y": self.cls_y(tokens)}

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """Return the targets of ``x`` and ``y``."""
        return self.target_generator(labels)

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """Return the losses ``x``, ``y`` and ``total_loss``."""
        return head_loss(maps, self.targets(maps, labels), self.criteria)

    def decode(self, maps: Maps) -> list[Instances]:
        """Return one animal per crop, in pixels of the crop."""
        poses = self.decoder(maps).cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def describe(self, maps: Maps) -> MapDescription:
        """Describe the bins as score maps: the product of both axes' probabilities, each relative to its maximum."""
        x, y = (_relative_probability(maps[axis].float()) for axis in "xy")
        width, height = self.target_generator.input_size
        return MapDescription(
            scores=y[..., :, None] * x[..., None, :],
            stride=(width / x.shape[-1], height / y.shape[-1]),
        )

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the keypoints in the first layer; the others treat all keypoints alike."""
        return {"final_layer.weight": {0: keypoints}, "final_layer.bias": {0: keypoints}}

    def _pixels(self, width: int, height: int) -> str:
        return f"{width * self.stride:g} x {height * self.stride:g}"


def _relative_probability(logits: Tensor) -> Tensor:
    probability = logits.softmax(-1)
    return probability / probability.amax(-1, keepdim=True)


def build(
    *,
    context: HeadContext,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    input_size: Sequence[int],
    in_channels: int,
    out_channels: int,
    in_featuremap_size: Sequence[int],
    simcc_split_ratio: float,
    final_layer_kernel_size: int,
    gau_cfg: Mapping[str, Any],
    weight_init: str | None = None,
) -> SimCCHead:
    """Build the head from its block of pytorch_config.yaml.

    ``weight_init`` may be ``RTMPose``, which keeps the layers' own initial weights, as in DeepLabCut.

    Raises
    ------
    DlcxError
        If a key is unknown, not supported, or does not agree with the others.
    """
    where = context.where
    targets = build_from_config(target_generator, {"SimCCGenerator": build_targets}, f"{where}.target_generator")
    decoder = build_from_config(predictor, {"SimCCPredictor": build_decoder}, f"{where}.predictor")
    criteria = {
        axis: build_from_config(block, {"KLDiscreteLoss": build_criterion}, f"{where}.criterion.{axis}")
        for axis, block in criterion.items()
    }
    check_options(build_attention, gau_cfg, f"{where}.gau_cfg")
    features = size_pair(in_featuremap_size, f"{where}.in_featuremap_size")
    size = size_pair(input_size, f"{where}.input_size")
    cells = tuple(int(value / context.stride) for value in size)
    for key, got, expected in (
        ("weight_init", weight_init, weight_init and "RTMPose"),
        ("criterion", sorted(criteria), ["x", "y"]),
        ("in_channels", in_channels, context.channels),
        ("in_featuremap_size", features, cells),
        ("target_generator.input_size", targets.input_size, size),
        ("target_generator.simcc_split_ratio", targets.split_ratio, simcc_split_ratio),
        ("predictor.simcc_split_ratio", decoder.split_ratio, simcc_split_ratio),
    ):
        if got != expected:
            raise DlcxError(f"{where}.{key}: expected {_plain(expected)}, got {_plain(got)}")
    return SimCCHead(
        in_channels,
        out_channels,
        features=features,
        kernel_size=final_layer_kernel_size,
        hidden=gau_cfg.get("hidden_dims", 256),
        attention=build_attention(**gau_cfg),
        stride=context.stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
