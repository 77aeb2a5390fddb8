"""DEKR on HRNet in three widths: finds the centers of animals and regresses their keypoints."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import RADIUS, backbone, runner
from dlcx.nets.bottom_up import shared_heads
from dlcx.nets.hrnet.spec import CHANNELS, PADDING
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

PAPER = "Geng et al. 2021, arXiv:2104.02300"
#: Channels of the branch of each keypoint.
FEATURES = 15


def _configure(name: str, context: NetContext) -> Block:
    backbone_name = name.replace("dekr", "hrnet")
    finest = CHANNELS[backbone_name]
    channels = finest * (1 + 2 + 4 + 8)  # the four branches, concatenated
    return {
        "model": {
            "backbone": backbone(
                type="HRNet", model_name=backbone_name, interpolate_branches=True, increased_channel_count=False
            ),
            "heads": {"bodypart": _head(context, channels, finest), **shared_heads(context, channels)},
            "backbone_output_channels": channels,
        },
        "data": {"inference": PADDING},
        "runner": runner(5e-4, [90, 120], [1e-4, 1e-5]),
        "with_center_keypoints": True,
    }


def _head(context: NetContext, channels: int, hidden: int) -> Block:
    """Return the head for features with ``channels`` channels; ``hidden`` are those of the score maps' branch."""
    keypoints = len(context.layout.bodyparts)
    layers: Block = {"dilation_rate": 1, "final_conv_kernel": 1}
    return {
        "type": "DEKRHead",
        "weight_init": "dekr",
        "target_generator": {
            "type": "DEKRGenerator",
            "num_joints": keypoints,
            "pos_dist_thresh": RADIUS,
            "bg_weight": 0.1,
        },
        "criterion": {
            "heatmap": {"type": "DEKRHeatmapLoss", "weight": 1},
            "offset": {"type": "DEKROffsetLoss", "weight": 0.03},
        },
        "predictor": {
            "type": "DEKRPredictor",
            "apply_sigmoid": False,
            "use_heatmap": False,
            "clip_scores": True,
            "num_animals": len(context.layout.individuals),
            "keypoint_score_type": "combined",
            "max_absorb_distance": 75,
            "nms_threshold": 0.05,
            "apply_pose_nms": True,
        },
        "heatmap_config": {"channels": [channels, hidden, keypoints + 1], "num_blocks": 1, **layers},
        "offset_config": {
            "channels": [channels, FEATURES * keypoints, keypoints],
            "num_offset_per_kpt": FEATURES,
            "num_blocks": 2,
            **layers,
        },
    }


_net = partial(NetSpec, kinds=("single", "multi"), method="bu", paper=PAPER, stride=4, configure=_configure)


FAMILY = Family(
    name="dekr",
    nets=(
        _net(
            name="dekr_w18",
            summary="several animals, found by their centers; needs no assembly and no detector",
            parameters=9_612_571,
            gflops=4.49,
        ),
        _net(name="dekr_w32", summary="wider than dekr_w18", parameters=29_391_701, gflops=10.66),
        _net(name="dekr_w48", summary="the widest DEKR: precise and slow", parameters=65_468_101, gflops=21.76),
    ),
)
