"""CSPNeXt in three sizes."""

from __future__ import annotations

from dlcx.nets.blocks import backbone, bottom_up_heads, runner
from dlcx.nets.registry import Block, Family, NetSpec, Request

PAPER = "Lyu et al. 2022 (RTMDet), arXiv:2212.07784"
#: Size: depth and width factors, channels of the features.
SIZES = {"s": (0.33, 0.5, 512), "m": (0.67, 0.75, 768), "x": (1.33, 1.25, 1280)}


def cspnext(size: str) -> Block:
    """The block ``model.backbone`` of CSPNeXt-s, -m or -x."""
    deepen, widen, _ = SIZES[size]
    return backbone(type="CSPNeXt", model_name=f"cspnext_{size}", deepen_factor=deepen, widen_factor=widen)


def _configure(name: str, request: Request) -> Block:
    size = name.rpartition("_")[2]
    channels = SIZES[size][2]
    return {
        "model": {
            "backbone": cspnext(size),
            "heads": bottom_up_heads(name, request, channels),
            "backbone_output_channels": channels,
        },
        "runner": runner(5e-4, [90, 120], [1e-4, 1e-5]),
    }


def _net(name: str, summary: str, parameters: int, gflops: float) -> NetSpec:
    return NetSpec(
        name=name,
        kinds=("single",),
        method="bu",
        summary=summary,
        paper=PAPER,
        stride=16,
        parameters=parameters,
        gflops=gflops,
        configure=_configure,
    )


FAMILY = Family(
    name="cspnext",
    nets=(
        _net("cspnext_s", "small and fast, coarse score maps", 4_433_628, 0.86),
        _net("cspnext_m", "between cspnext_s and cspnext_x", 12_362_388, 2.51),
        _net("cspnext_x", "large, coarse score maps", 47_707_812, 10.10),
    ),
    backbones={"CSPNeXt": "dlcx.nets.cspnext.model:CSPNeXt"},
    published={"CSPNeXt": "DeepLabCut/DeepLabCut-Backbones/{model_name}.pt"},
)
