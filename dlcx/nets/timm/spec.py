"""``timm/NAME``: any timm backbone with feature maps, with the head of the ResNets.

DeepLabCut does not support these networks.
"""

from __future__ import annotations

import math

from dlcx.nets.blocks import backbone, runner, top_down
from dlcx.nets.bottom_up import backbone_heads
from dlcx.nets.registry import TOP_DOWN, Block, Family, NetContext, NetSpec

PREFIX = "timm/"
#: Pixels per cell of the features and of the score maps, if the backbone supports it.
FEATURE_STRIDE = 16
MAP_STRIDE = 8


def _configure(name: str, context: NetContext) -> Block:
    from dlcx.nets.timm.model import describe

    timm_name = name.removeprefix(TOP_DOWN).removeprefix(PREFIX)
    facts = describe(timm_name, stride=FEATURE_STRIDE)
    deconvolutions = max(1, round(math.log2(facts.stride / MAP_STRIDE)))
    padding = {"auto_padding": {"pad_width_divisor": facts.divisor, "pad_height_divisor": facts.divisor}}
    return {
        "data": {"train": padding, "inference": padding} if facts.divisor > 1 else {},
        "model": {
            "backbone": backbone(
                type="Timm", model_name=timm_name, output_stride=facts.output_stride, out_index=facts.out_index
            ),
            "heads": backbone_heads(name, context, facts.channels, deconvolutions=deconvolutions),
            "backbone_output_channels": facts.channels,
        },
        "runner": runner(5e-4, [90, 120], [1e-4, 1e-5]),
    }


_BOTTOM_UP = NetSpec(
    prefix=PREFIX,
    name="timm/NAME",
    example="timm/tf_efficientnet_lite0",
    kinds=("single", "multi"),
    method="bu",
    summary="any timm backbone with feature maps; not supported by DeepLabCut",
    paper="Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861",
    stride=MAP_STRIDE,
    golden=False,
    configure=_configure,
)
FAMILY = Family(
    name="timm",
    nets=(_BOTTOM_UP, *top_down([_BOTTOM_UP], stride=FEATURE_STRIDE, sizes=[(None, None)])),
    backbones={"Timm": "dlcx.nets.timm.model:Timm"},
)
