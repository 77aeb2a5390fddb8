"""RTMPose in three sizes: CSPNeXt with a SimCC head, on crops around detected animals."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import simcc_head
from dlcx.nets.cspnext.spec import SIZES, cspnext
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

PAPER = "Jiang et al. 2023, arXiv:2303.07399"
#: Side of a crop in pixels.
CROPS = {"s": 256, "m": 256, "x": 384}

#: Boxes of the labels are shifted and scaled before cropping, to simulate a detector's errors.
_BOXES: Block = {"shift_factor": 0.16, "shift_prob": 0.3, "scale_factor": [0.75, 1.25], "scale_prob": 1.0, "p": 1.0}


def _configure(name: str, context: NetContext) -> Block:
    size = name.rpartition("_")[2]
    channels, side = SIZES[size][2], CROPS[size]
    crop: Block = {"top_down_crop": {"width": side, "height": side}}
    return {
        "model": {
            "backbone": cspnext(size),
            "heads": {"bodypart": simcc_head(channels, len(context.layout.bodyparts), crop=(side, side))},
            "backbone_output_channels": channels,
        },
        "data": {"inference": crop, "train": {**crop, "random_bbox_transform": _BOXES}},
        "runner": {
            "optimizer": {"type": "AdamW", "params": {"lr": 1e-3}},
            "scheduler": {
                "type": "SequentialLR",
                "params": {
                    "schedulers": [
                        {"type": "LinearLR", "params": {"start_factor": 0.001, "end_factor": 1.0, "total_iters": 5}},
                        {"type": "CosineAnnealingLR", "params": {"T_max": 200, "eta_min": 5e-5}},
                        {"type": "LRListScheduler", "params": {"milestones": [0], "lr_list": [[5e-5]]}},
                    ],
                    "milestones": [200, 400],
                },
            },
        },
        "train_settings": {"batch_size": 32, "dataloader_workers": 4, "epochs": 400},
    }


_net = partial(NetSpec, kinds=("single", "multi"), method="td", paper=PAPER, stride=32, configure=_configure)


NETS = (
    _net(name="rtmpose_s", summary="small and fast on crops of 256 pixels", parameters=5_183_958, gflops=0.87),
    _net(name="rtmpose_m", summary="between rtmpose_s and rtmpose_x", parameters=13_135_246, gflops=2.51),
    _net(name="rtmpose_x", summary="large, on crops of 384 pixels", parameters=48_677_278, gflops=22.75),
)
FAMILY = Family(name="rtmpose", nets=NETS)
