"""DLCRNet at two strides: ResNet-50 with finer features beside its last, for several animals."""

from __future__ import annotations

from functools import partial

from dlcx.nets.bottom_up import paf_head, shared_heads
from dlcx.nets.registry import Block, Family, NetSpec, Request

PAPER = "Lauer et al. 2022, doi:10.1038/s41592-022-01443-0"
CHANNELS = 2304


def _configure(name: str, request: Request, *, stride: int, deconvolutions: int) -> Block:
    layout = request.layout
    head = paf_head(CHANNELS, len(layout.bodyparts), len(layout.individuals), deconvolutions=deconvolutions)
    for block, keys in (
        (head["predictor"], ("apply_sigmoid", "clip_scores")),
        (head["target_generator"]["generators"][0], ("gradient_masking",)),
    ):
        for key in keys:  # DeepLabCut leaves these to their defaults, which are the same
            del block[key]
    return {
        "model": {
            # every batch norm stays as it is: the defaults of keys that DeepLabCut does not write here
            "backbone": {"type": "DLCRNet", "model_name": "resnet50", "pretrained": True, "output_stride": stride},
            "heads": {"bodypart": head, **shared_heads(request, CHANNELS)},
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
            summary="as dlcrnet_stride16_ms5, from coarser features: faster",
            parameters=33_726_144,
            gflops=7.88,
            configure=partial(_configure, stride=32, deconvolutions=2),
        ),
    ),
    backbones={"DLCRNet": "dlcx.nets.dlcrnet.model:DLCRNet"},
)
