"""HRNet in three widths."""

from __future__ import annotations

from dlcx.nets.blocks import backbone, bottom_up_heads
from dlcx.nets.registry import Block, Family, NetSpec, Request

#: Channels of the finest branch.
CHANNELS = {"hrnet_w18": 18, "hrnet_w32": 32, "hrnet_w48": 48}
PAPER = "Sun et al. 2019, arXiv:1902.09212"
#: The branches only fit together again when each halving of the image is exact.
PADDING: Block = {"auto_padding": {"pad_width_divisor": 32, "pad_height_divisor": 32}}


def _configure(name: str, request: Request) -> Block:
    channels = CHANNELS[name]
    return {
        "model": {
            "backbone": {
                **backbone(type="HRNet", model_name=name, interpolate_branches=False, increased_channel_count=False),
                "freeze_bn_stats": True,
            },
            "heads": bottom_up_heads(name, request, channels),
            "backbone_output_channels": channels,
        },
        "data": {"inference": PADDING, "train": PADDING},
    }


def _net(name: str, summary: str, parameters: int, gflops: float) -> NetSpec:
    return NetSpec(
        name=name,
        kinds=("single",),
        method="bu",
        summary=summary,
        paper=PAPER,
        stride=2,
        parameters=parameters,
        gflops=gflops,
        configure=_configure,
    )


FAMILY = Family(
    name="hrnet",
    nets=(
        _net("hrnet_w18", "fine score maps from few parameters", 9_564_216, 4.29),
        _net("hrnet_w32", "fine score maps: precise keypoints, slower than ResNets", 29_309_004, 10.32),
        _net("hrnet_w48", "the widest HRNet: precise and slow", 65_330_316, 21.20),
    ),
    backbones={"HRNet": "dlcx.nets.hrnet.model:HRNet"},
)
