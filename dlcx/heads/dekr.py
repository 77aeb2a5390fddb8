"""DEKR head: keypoint maps, a map of the animals' centres, and from each centre the ways to its keypoints.

Geng et al., Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression (CVPR 2021), arXiv:2104.02300.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.batch_share import count_of_batch
from dlcx.heads.construct import Table, check_options, construct
from dlcx.heads.criteria import Loss
from dlcx.heads.dekr_decoding import SCORES, DekrDecoder
from dlcx.heads.dekr_layers import HeatmapBranch, OffsetBranch
from dlcx.heads.dekr_targets import DekrTargets
from dlcx.heads.head import Maps
from dlcx.heads.heatmap_targets import Target
from dlcx.heads.map_head import MapHead
from dlcx.heads.rows import Channels, Rows
from dlcx.poses import Instances


class DekrHead(MapHead):
    """Maps ``heatmap`` (B, K + 1, H, W), the last of centres, and ``offset`` (B, 2 K, H, W), from features."""

    #: One entry a keypoint; see :mod:`dlcx.heads.rows`.
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

    def keypoint_rows(self, keypoints: Channels, block: Mapping[str, Any] | None) -> Rows:
        """The keypoint maps before that of centres, and the features of each keypoint's branch."""
        maps = keypoints + Channels.same(1)
        features = keypoints.each(self.offset_head.width)
        norm = ("weight", "bias", "running_mean", "running_var")
        return {
            "heatmap_head.head_heatmap.1.weight": {0: maps},
            "heatmap_head.head_heatmap.1.bias": {0: maps},
            "offset_head.transition_offset.0.weight": {0: features},
            **{f"offset_head.transition_offset.1.{name}": {0: features} for name in norm},
        }


@dataclass(frozen=True)
class HeatmapLoss:
    """Mean over all cells of weighted squared differences."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32."""
        return ((output.float() - target.values).square() * target.weights).mean()


@dataclass(frozen=True)
class OffsetLoss:
    """Differences, squared below 1/9 of a cell, weighted; their sum by the number of cells that count."""

    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32; 0 where nothing counts."""
        loss = functional.smooth_l1_loss(output.float(), target.values, beta=1 / 9, reduction="none")
        weights = target.weights.expand_as(loss)
        return (loss * weights).sum() / count_of_batch((weights > 0).sum())


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
    targets = construct(target_generator, {"DEKRGenerator": _targets}, f"{where}.target_generator")
    decoder = construct(predictor, {"DEKRPredictor": _decoder}, f"{where}.predictor")
    losses: dict[str, Table] = {
        "heatmap": {"DEKRHeatmapLoss": HeatmapLoss},
        "offset": {"DEKROffsetLoss": OffsetLoss},
    }
    if sorted(criterion) != sorted(losses):
        raise DlcxError(f"{where}.criterion: expected heatmap and offset, got {', '.join(criterion) or 'none'}")
    criteria = {name: construct(criterion[name], table, f"{where}.criterion.{name}") for name, table in losses.items()}
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
    initialize(head, weight_init, f"{where}.weight_init")
    return head


def initialize(head: nn.Module, how: str | None, where: str) -> None:
    """First weights: ``dekr`` is N(0, 0.001) and biases of 0, also for batch norms; None what torch gives."""
    if how not in (None, "dekr"):
        raise DlcxError(f"{where}: expected 'dekr' or nothing, got '{how}'")
    for name, parameter in head.named_parameters() if how else ():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=0.001)


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
