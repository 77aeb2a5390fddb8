"""CSPNeXt in three sizes."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import backbone, runner, top_down
from dlcx.nets.bottom_up import backbone_heads
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

PAPER = "Lyu et al. 2022 (RTMDet), arXiv:2212.07784"
#: Depth factor, width factor and channels of the features, by size.
SIZES = {"s": (0.33, 0.5, 512), "m": (0.67, 0.75, 768), "x": (1.33, 1.25, 1280)}


def cspnext(size: str) -> Block:
    """Return the block ``model.backbone`` of CSPNeXt-s, -m or -x."""
    deepen, widen, _ = SIZES[size]
    return backbone(type="CSPNeXt", model_name=f"cspnext_{size}", deepen_factor=deepen, widen_factor=widen)


def _configure(name: str, context: NetContext) -> Block:
    size = name.rpartition("_")[2]
    channels = SIZES[size][2]
    return {
        "model": {
            "backbone": cspnext(size),
            "heads": backbone_heads(name, context, channels),
            "backbone_output_channels": channels,
        },
        "runner": runner(5e-4, [90, 120], [1e-4, 1e-5]),
    }


_net = partial(NetSpec, kinds=("single", "multi"), method="bu", paper=PAPER, stride=16, configure=_configure)


_BOTTOM_UP = (
    _net(name="cspnext_s", summary="small and fast, coarse score maps", parameters=4_433_628, gflops=0.86),
    _net(name="cspnext_m", summary="between cspnext_s and cspnext_x", parameters=12_362_388, gflops=2.51),
    _net(name="cspnext_x", summary="large, coarse score maps", parameters=47_707_812, gflops=10.10),
)
FAMILY = Family(
    name="cspnext",
    nets=(
        *_BOTTOM_UP,
        *top_down(_BOTTOM_UP, stride=32, sizes=((4_384_476, 0.86), (12_288_660, 2.50), (47_584_932, 10.09))),
    ),
    backbones={"CSPNeXt": "dlcx.nets.cspnext.model:CSPNeXt"},
    published={"CSPNeXt": "DeepLabCut/DeepLabCut-Backbones/{model_name}.pt"},
)
