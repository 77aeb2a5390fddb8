"""DEKR head: score maps of keypoints and animal centers, and offset vectors between each center and its keypoints.

Geng et al., Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression (CVPR 2021), arXiv:2104.02300.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import Builders, build_from_config, check_options
from dlcx.heads.criteria import Loss
from dlcx.heads.dekr.criteria import HeatmapLoss, OffsetLoss
from dlcx.heads.dekr.decoding import DekrDecoder, build_decoder
from dlcx.heads.dekr.layers import HeatmapBranch, OffsetBranch, build_heatmap_branch, build_offset_branch
from dlcx.heads.dekr.targets import DekrTargets, build_targets
from dlcx.heads.initialization import initialize_weights
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.map_head import MapHead
from dlcx.heads.protocol import HeadContext, MapDescription, Maps, vector_maps
from dlcx.poses import Instances


class DekrHead(MapHead):
    """Computes maps ``heatmap`` (B, K + 1, H, W), whose last channel is the centers, and ``offset`` (B, 2K, H, W).

    Parameters
    ----------
    heatmap, offset
        Layers of the two maps.
    stride
        Pixels of the network input per cell.
    targets, criteria, decoder
        Targets of the maps, the loss of each map, and how they are decoded.
    """

    #: Lists with one entry per keypoint; see :mod:`dlcx.heads.keypoint_channels`.
    keypoint_lists = ("offset_head.offset_feature_layers", "offset_head.offset_final_layer")

    def __init__(
        self,
        heatmap: HeatmapBranch,
        offset: OffsetBranch,
        *,
        stride: float,
        targets: DekrTargets,
        criteria: dict[str, Loss],
        decoder: DekrDecoder,
    ) -> None:
        super().__init__()
        self.heatmap_head = heatmap
        self.offset_head = offset
        self.stride = stride
        self.target_generator, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Compute the maps of features (B, C, H, W), at the resolution of the features."""
        return {"heatmap": self.heatmap_head(features), "offset": self.offset_head(features)}

    def decode(self, maps: Maps) -> list[Instances]:
        """Return the animals in each image, best first, in pixels of the network input."""
        poses, found = (value.cpu().numpy() for value in self.decoder(maps, self.stride))
        return [Instances(pose[keep, :, :2], pose[keep, :, 2]) for pose, keep in zip(poses, found, strict=True)]

    def describe(self, maps: Maps) -> MapDescription:
        """Describe the score maps and the offset vectors, which the maps hold in cells, from keypoint to center."""
        heat = maps["heatmap"].float()
        return MapDescription(
            scores=heat.sigmoid() if self.decoder.sigmoid else heat.clamp(0, 1),
            stride=(self.stride, self.stride),
            extra_channels=("center",),
            center_offsets=vector_maps(maps["offset"].float()) * -self.stride,
        )

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the keypoints in the score maps and the features; see :mod:`dlcx.heads.keypoint_channels`."""
        maps = keypoints + ChannelMap.identity(1)
        features = keypoints.repeat(self.offset_head.width)
        norm = ("weight", "bias", "running_mean", "running_var")
        return {
            "heatmap_head.head_heatmap.1.weight": {0: maps},
            "heatmap_head.head_heatmap.1.bias": {0: maps},
            "offset_head.transition_offset.0.weight": {0: features},
            **{f"offset_head.transition_offset.1.{name}": {0: features} for name in norm},
        }


def build(
    *,
    context: HeadContext,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    offset_config: Mapping[str, Any],
    weight_init: str | None = "dekr",
) -> DekrHead:
    """Build the head from its block of pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If a key is unknown, not supported, or does not agree with the others.
    """
    where = context.where
    targets = build_from_config(target_generator, {"DEKRGenerator": build_targets}, f"{where}.target_generator")
    decoder = build_from_config(predictor, {"DEKRPredictor": build_decoder}, f"{where}.predictor")
    losses: dict[str, Builders] = {
        "heatmap": {"DEKRHeatmapLoss": HeatmapLoss},
        "offset": {"DEKROffsetLoss": OffsetLoss},
    }
    if sorted(criterion) != sorted(losses):
        raise DlcxError(f"{where}.criterion: expected heatmap and offset, got {', '.join(criterion) or 'none'}")
    criteria = {
        name: build_from_config(criterion[name], builders, f"{where}.criterion.{name}")
        for name, builders in losses.items()
    }
    for key, block, build_branch, outputs in (
        ("heatmap", heatmap_config, build_heatmap_branch, targets.keypoints + 1),
        ("offset", offset_config, build_offset_branch, targets.keypoints),
    ):
        check_options(build_branch, block, f"{where}.{key}_config")
        channels = block["channels"]
        if len(channels) != 3 or channels[0] != context.channels or channels[2] != outputs:
            raise DlcxError(
                f"{where}.{key}_config.channels: expected [{context.channels}, hidden, {outputs}], got {channels}"
            )
    head = DekrHead(
        build_heatmap_branch(**heatmap_config),
        build_offset_branch(**offset_config),
        stride=context.stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init", name="dekr")
    return head
