"""TokenPose head: the score map of each keypoint, computed from its token.

Li et al., TokenPose (ICCV 2021), arXiv:2104.03516.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.criteria import CRITERIA, Criterion
from dlcx.heads.heatmap.decoding import ArgmaxDecoder, build_argmax_decoder
from dlcx.heads.heatmap.targets import TARGETS, HeatmapTargets
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.protocol import HeadContext, MapDescription, Maps
from dlcx.heads.targets import Target
from dlcx.poses import Instances

#: Number of transformers whose tokens are concatenated.
TRANSFORMERS = 3


class TokenHead(nn.Module):
    """Computes score maps ``heatmap`` (B, K, H, W) from the tokens (B, K, D) of the keypoints.

    Parameters
    ----------
    dim
        Length D of a token.
    size
        Height and width of the maps, in cells.
    stride
        Pixels of the network input per cell.
    targets, criterion, decoder
        Target and loss of the maps, and how they are decoded.
    """

    def __init__(
        self,
        dim: int,
        size: tuple[int, int],
        *,
        stride: float,
        targets: HeatmapTargets,
        criterion: Criterion,
        decoder: ArgmaxDecoder,
    ) -> None:
        super().__init__()
        self.size, self.stride = size, stride
        self.mlp_head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, math.prod(size)))
        self.target_generator, self.criterion, self.decoder = targets, criterion, decoder

    def forward(self, tokens: Tensor) -> Maps:
        """Compute the maps of tokens (B, K, D)."""
        return {"heatmap": self.mlp_head(tokens).unflatten(-1, self.size)}

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """Return the target of ``heatmap``."""
        return self.target_generator(labels, *self.size, self.stride)

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """Return ``total_loss``, the weighted loss of the maps."""
        loss = self.criterion(maps["heatmap"], self.targets(maps, labels)["heatmap"])
        return {"total_loss": self.criterion.weight * loss}

    def decode(self, maps: Maps) -> list[Instances]:
        """Return one animal per crop, in pixels of the crop."""
        poses = self.decoder(maps, self.stride).detach().cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def describe(self, maps: Maps) -> MapDescription:
        """Describe the score maps."""
        heat = maps["heatmap"].float()
        scores = heat.sigmoid() if self.decoder.sigmoid else heat.clamp(0, 1)
        return MapDescription(scores, stride=(self.stride, self.stride))

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Return no tensors: all keypoints share the layers. See :mod:`dlcx.heads.keypoint_channels`."""
        return {}


def build(
    *,
    context: HeadContext,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    dim: int,
    hidden_heatmap_dim: int,
    heatmap_dim: int,
    heatmap_size: Sequence[int],
    apply_multi: bool = True,
    apply_init: bool = True,
    head_stride: float = 1,
) -> TokenHead:
    """Build the head from its block of pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If a key is unknown, not supported, or does not agree with the others.
    """
    where = context.where
    targets = build_from_config(target_generator, TARGETS, f"{where}.target_generator")
    decoder = build_from_config(predictor, {"HeatmapPredictor": build_argmax_decoder}, f"{where}.predictor")
    if math.prod(heatmap_size) != heatmap_dim or len(heatmap_size) != 2:
        raise DlcxError(
            f"{where}.heatmap_size: expected height and width of {heatmap_dim} cells, got {list(heatmap_size)}"
        )
    if apply_multi and TRANSFORMERS * dim <= hidden_heatmap_dim / 2:
        raise DlcxError(
            f"{where}.hidden_heatmap_dim: {hidden_heatmap_dim} adds a hidden layer, which is not supported",
            hint=f"Use a value below {2 * TRANSFORMERS * dim}, or apply_multi: false.",
        )
    for key, got in (
        ("target_generator.generate_locref", targets.locref),
        ("predictor.location_refinement", decoder.locref),
    ):
        if got:
            raise DlcxError(f"{where}.{key}: the head has no offsets; expected false")
    head = TokenHead(
        TRANSFORMERS * dim,
        (heatmap_size[0], heatmap_size[1]),
        stride=context.stride / head_stride,
        targets=targets,
        criterion=build_from_config(criterion, CRITERIA, f"{where}.criterion"),
        decoder=decoder,
    )
    if apply_init:
        linear = cast(nn.Linear, head.mlp_head[1])
        nn.init.trunc_normal_(linear.weight, std=0.02)
        nn.init.zeros_(linear.bias)
    return head
