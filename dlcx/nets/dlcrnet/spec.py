"""DLCRNet at two strides: ResNet-50 with additional features of finer resolution, for several animals."""

from __future__ import annotations

from functools import partial

from dlcx.nets.bottom_up import paf_head, shared_heads
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

PAPER = "Lauer et al. 2022, doi:10.1038/s41592-022-01443-0"
CHANNELS = 2304


def _configure(name: str, context: NetContext, *, stride: int, deconvolutions: int) -> Block:
    layout = context.layout
    head = paf_head(CHANNELS, len(layout.bodyparts), len(layout.individuals), deconvolutions=deconvolutions)
    for block, keys in (
        (head["predictor"], ("apply_sigmoid", "clip_scores")),
        (head["target_generator"]["generators"][0], ("gradient_masking",)),
    ):
        for key in keys:  # DeepLabCut does not write these keys; their defaults have the same values
            del block[key]
    return {
        "model": {
            # DeepLabCut writes no freeze_bn_* keys here, and by default batch norms are frozen
            "backbone": {"type": "DLCRNet", "model_name": "resnet50", "pretrained": True, "output_stride": stride},
            "heads": {"bodypart": head, **shared_heads(context, CHANNELS)},
            "backbone_output_channels": CHANNELS,
            "pose_model": {"stride": 8},
        },
        "runner": {"eval_interval": 25},
    }


_net = partial(NetSpec, kinds=("single", "multi"), method="bu", paper=PAPER, stride=4)


FAMILY = Family(
    name="dlcrnet",
    nets=(
        _net(
            name="dlcrnet_stride16_ms5",
            aliases=("dlcrnet_ms5",),
            summary="several animals close together; fine score maps",
            parameters=30_426_240,
            gflops=10.29,
            configure=partial(_configure, stride=16, deconvolutions=1),
        ),
        _net(
            name="dlcrnet_stride32_ms5",
            summary="like dlcrnet_stride16_ms5 with coarser features; faster",
            parameters=33_726_144,
            gflops=7.88,
            configure=partial(_configure, stride=32, deconvolutions=2),
        ),
    ),
    backbones={"DLCRNet": "dlcx.nets.dlcrnet.model:DLCRNet"},
)
