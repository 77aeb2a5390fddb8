"""DEKR head: keypoint maps, a map of the animals' centres, and from each centre the ways to its keypoints.

Geng et al., Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression (CVPR 2021), arXiv:2104.02300.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.build_from_config import Builders, build_from_config, check_options
from dlcx.heads.criteria import Loss
from dlcx.heads.dekr.criteria import HeatmapLoss, OffsetLoss
from dlcx.heads.dekr.decoding import SCORES, DekrDecoder
from dlcx.heads.dekr.layers import HeatmapBranch, OffsetBranch
from dlcx.heads.dekr.targets import DekrTargets
from dlcx.heads.initialization import initialize_weights
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.map_head import MapHead
from dlcx.heads.protocol import Maps
from dlcx.poses import Instances


class DekrHead(MapHead):
    """Maps ``heatmap`` (B, K + 1, H, W), the last of centres, and ``offset`` (B, 2 K, H, W), from features."""

    #: One entry a keypoint; see :mod:`dlcx.heads.keypoint_channels`.
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
        self.draw, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Maps of features (B, C, H, W), as large as they are."""
        return {"heatmap": self.heatmap_head(features), "offset": self.offset_head(features)}

    def decode(self, maps: Maps) -> list[Instances]:
        """The animals of each image, best first, in pixels of the network input."""
        poses, found = (value.cpu().numpy() for value in self.decoder(maps, self.stride))
        return [Instances(pose[is_one, :, :2], pose[is_one, :, 2]) for pose, is_one in zip(poses, found, strict=True)]

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """The keypoint maps before that of centres, and the features of each keypoint's branch."""
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
    backbone_stride: float,
    backbone_channels: int,
    where: str,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    offset_config: Mapping[str, Any],
    weight_init: str | None = "dekr",
) -> DekrHead:
    """A head from its block of pytorch_config.yaml; ``where`` is the block's place in the file."""
    targets = build_from_config(target_generator, {"DEKRGenerator": _targets}, f"{where}.target_generator")
    decoder = build_from_config(predictor, {"DEKRPredictor": _decoder}, f"{where}.predictor")
    losses: dict[str, Builders] = {
        "heatmap": {"DEKRHeatmapLoss": HeatmapLoss},
        "offset": {"DEKROffsetLoss": OffsetLoss},
    }
    if sorted(criterion) != sorted(losses):
        raise DlcxError(f"{where}.criterion: expected heatmap and offset, got {', '.join(criterion) or 'none'}")
    criteria = {
        name: build_from_config(criterion[name], table, f"{where}.criterion.{name}") for name, table in losses.items()
    }
    for key, block, function in (("heatmap", heatmap_config, _heatmap), ("offset", offset_config, _offset)):
        check_options(function, block, f"{where}.{key}_config")
        channels, outside = block["channels"], targets.keypoints + (key == "heatmap")
        if len(channels) != 3 or channels[0] != backbone_channels or channels[2] != outside:
            raise DlcxError(
                f"{where}.{key}_config.channels: expected [{backbone_channels}, between, {outside}], got {channels}"
            )
    head = DekrHead(
        _heatmap(**heatmap_config),
        _offset(**offset_config),
        stride=backbone_stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init", name="dekr")
    return head


def _targets(num_joints: int, pos_dist_thresh: float, bg_weight: float = 0.1) -> DekrTargets:
    """A block ``{type: DEKRGenerator, ...}``."""
    return DekrTargets(num_joints, pos_dist_thresh, bg_weight)


def _decoder(
    num_animals: int,
    apply_sigmoid: bool = True,
    use_heatmap: bool = True,
    clip_scores: bool = False,
    keypoint_score_type: str = "combined",
    max_absorb_distance: float = 75,
    nms_threshold: float = 0.05,
    apply_pose_nms: bool = True,
    detection_threshold: float = 0.01,
) -> DekrDecoder:
    """A block ``{type: DEKRPredictor, ...}``; ``detection_threshold`` has no effect in DeepLabCut either."""
    if keypoint_score_type not in SCORES:
        hint = did_you_mean(keypoint_score_type, SCORES)
        raise DlcxError(f"predictor.keypoint_score_type: unknown '{keypoint_score_type}'", hint=hint)
    return DekrDecoder(
        animals=num_animals,
        sigmoid=apply_sigmoid,
        snap=use_heatmap,
        clip=clip_scores,
        score=keypoint_score_type,
        reach=max_absorb_distance,
        threshold=nms_threshold,
        suppress=apply_pose_nms,
    )


def _heatmap(
    channels: Sequence[int], num_blocks: int = 1, dilation_rate: int = 1, final_conv_kernel: int = 1
) -> HeatmapBranch:
    """A block ``heatmap_config``."""
    _only_one("heatmap_config", dilation_rate, final_conv_kernel)
    inside, between, maps = channels
    return HeatmapBranch(inside, between, maps, num_blocks)


def _offset(
    channels: Sequence[int],
    num_offset_per_kpt: int = 15,
    num_blocks: int = 2,
    dilation_rate: int = 1,
    final_conv_kernel: int = 1,
) -> OffsetBranch:
    """A block ``offset_config``."""
    _only_one("offset_config", dilation_rate, final_conv_kernel)
    inside, between, keypoints = channels
    if between != num_offset_per_kpt * keypoints:
        raise DlcxError(
            f"offset_config.channels: expected {num_offset_per_kpt} x {keypoints} = {num_offset_per_kpt * keypoints} "
            f"in the middle, got {between}"
        )
    return OffsetBranch(inside, num_offset_per_kpt, keypoints, num_blocks)


def _only_one(block: str, dilation_rate: int, final_conv_kernel: int) -> None:
    """What no net of DeepLabCut's switches on is refused."""
    for key, value in (("dilation_rate", dilation_rate), ("final_conv_kernel", final_conv_kernel)):
        if value != 1:
            raise DlcxError(f"{block}.{key}: only 1 is supported, got {value}")
