"""HRNet in three widths."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import backbone, top_down
from dlcx.nets.bottom_up import backbone_heads
from dlcx.nets.registry import TOP_DOWN, Block, Family, NetContext, NetSpec

#: Channels of the finest branch.
CHANNELS = {"hrnet_w18": 18, "hrnet_w32": 32, "hrnet_w48": 48}
PAPER = "Sun et al. 2019, arXiv:1902.09212"
#: The branches can only be combined if the sides of the image are multiples of 32.
PADDING: Block = {"auto_padding": {"pad_width_divisor": 32, "pad_height_divisor": 32}}


def hrnet(timm_name: str) -> Block:
    """Return the block ``model.backbone`` of an HRNet whose features are its finest branch."""
    return backbone(type="HRNet", model_name=timm_name, interpolate_branches=False, increased_channel_count=False)


def _configure(name: str, context: NetContext) -> Block:
    timm_name = name.removeprefix(TOP_DOWN)
    channels = CHANNELS[timm_name]
    return {
        "model": {
            "backbone": {**hrnet(timm_name), "freeze_bn_stats": True},
            "heads": backbone_heads(name, context, channels),
            "backbone_output_channels": channels,
        },
        "data": {"inference": PADDING, "train": PADDING},
    }


_net = partial(NetSpec, kinds=("single", "multi"), method="bu", paper=PAPER, stride=2, configure=_configure)


_BOTTOM_UP = (
    _net(name="hrnet_w18", summary="fine score maps from few parameters", parameters=9_564_216, gflops=4.29),
    _net(
        name="hrnet_w32",
        summary="fine score maps: precise keypoints, slower than ResNets",
        parameters=29_309_004,
        gflops=10.32,
    ),
    _net(name="hrnet_w48", summary="the widest HRNet: precise and slow", parameters=65_330_316, gflops=21.20),
)
FAMILY = Family(
    name="hrnet",
    nets=(
        *_BOTTOM_UP,
        *top_down(_BOTTOM_UP, stride=4, sizes=((9_562_488, 4.29), (29_305_932, 10.31), (65_325_708, 21.18))),
    ),
    backbones={"HRNet": "dlcx.nets.hrnet.model:HRNet"},
)
