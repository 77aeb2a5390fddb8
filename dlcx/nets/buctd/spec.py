"""BUCTD: HRNet or CSPNeXt refines the initial pose of each animal on a crop, with attention (CoAM) or a preNet."""

from __future__ import annotations

from functools import partial

from dlcx.nets.blocks import heatmap_head, runner, simcc_head
from dlcx.nets.cspnext.spec import SIZES, cspnext
from dlcx.nets.hrnet.spec import CHANNELS, hrnet
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

PAPER = "Zhou et al. 2023 (BUCTD), arXiv:2306.07879"
#: Size of crops (width, height) in pixels, for networks whose crops are not 256 x 256.
CROPS = {
    "ctd_coam_w48_human": (384, 288),
    "ctd_prenet_rtmpose_x": (384, 384),
    "ctd_prenet_rtmpose_x_human": (288, 384),
}
#: ``img_size`` in DeepLabCut's order: height and width for preNets, width and height for CoAM.
SIZES_WRITTEN = {**CROPS, "ctd_prenet_rtmpose_x_human": (384, 288)}

_PROBABILITIES: Block = {"jitter_prob": 0.16, "swap_prob": 0.08, "inv_prob": 0.03, "miss_prob": 0.10}
_ANY_ANIMAL: Block = {"keypoint_sigmas": 0.1, "keypoints_symmetry": None, **_PROBABILITIES}
#: CrowdPose: shoulders, elbows, wrists, hips, knees, ankles, head, neck.
_HUMAN: Block = {
    "keypoint_sigmas": [sigma for sigma in (0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.025) for _ in "lr"],
    "keypoints_symmetry": [[left, left + 1] for left in range(0, 12, 2)],
    **_PROBABILITIES,
}


def _net(name: str, backbone: Block, head: Block, channels: int, training: Block) -> Block:
    width, height = CROPS.get(name, (256, 256))
    human = name.endswith("_human")
    crop: Block = {"top_down_crop": {"width": width, "height": height, "crop_with_context": human}}
    data: Block = {"gen_sampling": _HUMAN if human else _ANY_ANIMAL, "inference": crop, "train": crop}
    model = {"backbone": backbone, "heads": {"bodypart": head}, "backbone_output_channels": channels}
    return {"model": model, "data": data, **training}


def _conditions(name: str, keypoints: int) -> Block:
    encoder: Block = {"type": "StackedKeypointEncoder", "num_joints": keypoints, "kernel_size": [15, 15]}
    return {"kpt_encoder": encoder, "img_size": list(SIZES_WRITTEN.get(name, (256, 256)))}


def _coam(name: str, context: NetContext) -> Block:
    timm_name = "hrnet_" + name.split("_")[2]
    keypoints, channels = len(context.layout.bodyparts), CHANNELS[timm_name]
    backbone: Block = {
        "type": "HRNetCoAM",
        "base_model_name": timm_name,
        "pretrained": True,
        "freeze_bn_stats": False,
        "freeze_bn_weights": False,
        "coam_modules": [2],
        "channel_att_only": False,
        "att_heads": 1,
        **_conditions(name, keypoints),
    }
    return _net(name, backbone, _heatmaps(channels, keypoints), channels, {})


def _prenet_hrnet(name: str, context: NetContext) -> Block:
    timm_name = name.removeprefix("ctd_prenet_")
    keypoints, channels = len(context.layout.bodyparts), CHANNELS[timm_name]
    backbone = {"type": "CondPreNet", "backbone": hrnet(timm_name), **_conditions(name, keypoints)}
    return _net(name, backbone, _heatmaps(channels, keypoints), channels, {})


def _prenet_rtmpose(name: str, context: NetContext) -> Block:
    size = name.split("_")[3]
    keypoints, channels = len(context.layout.bodyparts), SIZES[size][2]
    backbone = {"type": "CondPreNet", "backbone": cspnext(size), **_conditions(name, keypoints)}
    head = simcc_head(channels, keypoints, crop=CROPS.get(name, (256, 256)))
    for key in ("apply_softmax", "normalize_outputs"):
        del head["predictor"][key]
    training = {
        "runner": runner(1e-5, [5, 300, 360], [1e-3, 1e-4, 1e-5]),
        "train_settings": {"batch_size": 32, "dataloader_workers": 4, "epochs": 400},
    }
    return _net(name, backbone, head, channels, training)


def _heatmaps(channels: int, keypoints: int) -> Block:
    return heatmap_head(channels, keypoints, deconvolutions=0, masking={})


_spec = partial(NetSpec, kinds=("single", "multi"), method="ctd", paper=PAPER)

FAMILY = Family(
    name="buctd",
    nets=(
        _spec(
            name="ctd_coam_w32",
            aliases=("BUCTD-hrnet_w32",),
            stride=4,
            summary="refines another network's poses with attention: for crowded scenes with occlusions",
            parameters=47_665_192,
            gflops=13.60,
            configure=_coam,
        ),
        _spec(
            name="ctd_coam_w48",
            aliases=("BUCTD-hrnet_w48",),
            stride=4,
            summary="wider and slower than ctd_coam_w32",
            parameters=84_254_712,
            gflops=25.76,
            configure=_coam,
        ),
        _spec(
            name="ctd_coam_w48_human",
            stride=4,
            summary="ctd_coam_w48 for people, on crops of 384 x 288 pixels; 14 keypoints as in CrowdPose",
            parameters=117_315_432,
            gflops=46.67,
            configure=_coam,
        ),
        _spec(
            name="ctd_prenet_hrnet_w32",
            stride=4,
            summary="refines another network's poses, without attention",
            parameters=29_317_866,
            gflops=11.08,
            configure=_prenet_hrnet,
        ),
        _spec(
            name="ctd_prenet_hrnet_w48",
            stride=4,
            summary="wider and slower than ctd_prenet_hrnet_w32",
            parameters=65_337_642,
            gflops=21.95,
            configure=_prenet_hrnet,
        ),
        _spec(
            name="ctd_prenet_rtmpose_s",
            stride=32,
            summary="refines another network's poses; small and fast",
            parameters=5_195_892,
            gflops=1.64,
            configure=_prenet_rtmpose,
        ),
        _spec(
            name="ctd_prenet_rtmpose_m",
            stride=32,
            summary="between ctd_prenet_rtmpose_s and _x",
            parameters=13_147_180,
            gflops=3.28,
            configure=_prenet_rtmpose,
        ),
        _spec(
            name="ctd_prenet_rtmpose_x",
            stride=32,
            summary="large, on crops of 384 pixels",
            parameters=48_689_212,
            gflops=24.48,
            configure=_prenet_rtmpose,
        ),
        _spec(
            name="ctd_prenet_rtmpose_x_human",
            stride=32,
            summary="ctd_prenet_rtmpose_x for people, on crops of 288 x 384 pixels; 14 keypoints as in CrowdPose",
            parameters=48_630_844,
            gflops=18.36,
            configure=_prenet_rtmpose,
        ),
    ),
    backbones={
        "CondPreNet": "dlcx.nets.buctd.model:CondPreNet",
        "HRNetCoAM": "dlcx.nets.buctd.model:HRNetCoAM",
    },
)
