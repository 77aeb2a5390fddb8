"""ResNet-50 (group norm) and ResNet-101, dilated to stride 16."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import backbone, runner, top_down
from dlcx.nets.bottom_up import backbone_heads
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

CHANNELS = 2048


def _configure(name: str, context: NetContext, *, timm_name: str) -> Block:
    return {
        "model": {
            "backbone": backbone(type="ResNet", model_name=timm_name, output_stride=16),
            "heads": backbone_heads(name, context, CHANNELS),
            "backbone_output_channels": CHANNELS,
        },
        "runner": runner(5e-4, [90, 120], [1e-4, 1e-5]),
    }


_BOTTOM_UP = (
    NetSpec(
        name="resnet_50",
        kinds=("single", "multi"),
        method="bu",
        summary="the usual first choice",
        paper="He et al. 2016, arXiv:1512.03385; group norm: Wu & He 2018, arXiv:1803.08494",
        stride=8,
        parameters=23_729_228,
        gflops=8.16,
        configure=partial(_configure, timm_name="resnet50_gn"),
    ),
    NetSpec(
        name="resnet_101",
        kinds=("single", "multi"),
        method="bu",
        summary="deeper and slower than resnet_50, for difficult scenes",
        paper="He et al. 2016, arXiv:1512.03385",
        stride=8,
        parameters=42_721_356,
        gflops=13.01,
        configure=partial(_configure, timm_name="resnet101"),
    ),
)
FAMILY = Family(
    name="resnet",
    nets=(
        *_BOTTOM_UP,
        *top_down(_BOTTOM_UP, stride=16, sizes=((23_532_620, 8.11), (42_524_748, 12.96))),
    ),
    backbones={"ResNet": "dlcx.nets.resnet.model:ResNet"},
)
