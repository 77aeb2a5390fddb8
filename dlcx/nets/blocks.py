"""Blocks of pytorch_config.yaml that several families share: plain dictionaries with DeepLabCut 3.0.2's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from dlcx.nets.registry import TOP_DOWN, Block, NetSpec

#: Pixels per unit of the location-refinement offsets.
LOCREF_STD = 7.2801
#: Radius of a keypoint in pixels.
RADIUS = 17


#: Keypoints that are not labeled are trained as absent.
UNMASKED: Mapping[str, Any] = MappingProxyType({"gradient_masking": False})
#: Keypoints that are not labeled are not trained: on a crop of an animal they may be present.
MASKED: Mapping[str, Any] = MappingProxyType({"gradient_masking": True, "background_weight": 0.0})


def heatmap_head(
    channels: int, keypoints: int, *, deconvolutions: int = 1, masking: Mapping[str, Any] = UNMASKED
) -> Block:
    """Return a heatmap head with location refinement, for one animal.

    Parameters
    ----------
    channels
        Channels of the backbone features.
    keypoints
        Number of keypoints.
    deconvolutions
        Number of layers that double the resolution; 0 for maps at the resolution of the features.
    masking
        Treatment of keypoints that are not labeled: ``UNMASKED`` or ``MASKED``.
    """

    def layers(outputs: int) -> Block:
        if not deconvolutions:
            last = {"out_channels": outputs, "kernel_size": 1}
            return {"channels": [channels], "kernel_size": [], "strides": [], "final_conv": last}
        return doubling(channels, channels, outputs, deconvolutions)

    return {
        "type": "HeatmapHead",
        "weight_init": "normal",
        "predictor": {
            "type": "HeatmapPredictor",
            "apply_sigmoid": False,
            "clip_scores": True,
            "location_refinement": True,
            "locref_std": LOCREF_STD,
        },
        "target_generator": {
            "type": "HeatmapGaussianGenerator",
            "num_heatmaps": keypoints,
            "pos_dist_thresh": RADIUS,
            "heatmap_mode": "KEYPOINT",
            **masking,
            "generate_locref": True,
            "locref_std": LOCREF_STD,
        },
        "criterion": {
            "heatmap": {"type": "WeightedMSECriterion", "weight": 1.0},
            "locref": {"type": "WeightedHuberCriterion", "weight": 0.05},
        },
        "heatmap_config": layers(keypoints),
        "locref_config": layers(2 * keypoints),
    }


def doubling(channels: int, hidden: int, outputs: int, deconvolutions: int) -> Block:
    """Return transposed convolutions that each double the resolution, with ``hidden`` channels in between."""
    return {
        "channels": [channels, *[hidden] * (deconvolutions - 1), outputs],
        "kernel_size": [3] * deconvolutions,
        "strides": [2] * deconvolutions,
    }


#: Standard deviation of a keypoint in bins, by the side of the crop in pixels.
SIMCC_SIGMAS = {256: 5.66, 288: 6.0, 384: 6.93}


def simcc_head(channels: int, keypoints: int, *, crop: tuple[int, int]) -> Block:
    """Return the SimCC head of RTMPose for features of stride 32 on crops of (width, height) pixels."""
    bins: Block = {"simcc_split_ratio": 2.0}
    sigma = [SIMCC_SIGMAS[side] for side in crop]
    divergence: Block = {"type": "KLDiscreteLoss", "use_target_weight": True, "beta": 10.0, "label_softmax": True}
    return {
        "type": "RTMCCHead",
        "weight_init": "RTMPose",
        "target_generator": {
            "type": "SimCCGenerator",
            "input_size": list(crop),
            "smoothing_type": "gaussian",
            "sigma": sigma,
            **bins,
            "label_smooth_weight": 0.0,
            "normalize": False,
        },
        "criterion": {"x": divergence, "y": divergence},
        "predictor": {
            "type": "SimCCPredictor",
            **bins,
            "sigma": sigma,
            "decode_beta": 150.0,
            "apply_softmax": True,
            "normalize_outputs": False,
        },
        "input_size": list(crop),
        "in_channels": channels,
        "out_channels": keypoints,
        "in_featuremap_size": [side // 32 for side in crop],
        **bins,
        "final_layer_kernel_size": 7,
        "gau_cfg": {
            "hidden_dims": 256,
            "s": 128,
            "expansion_factor": 2,
            "dropout_rate": 0,
            "drop_path": 0.0,
            "act_fn": "SiLU",
            "use_rel_bias": False,
            "pos_enc": False,
        },
    }


def top_down(
    nets: Sequence[NetSpec], *, stride: int, sizes: Sequence[tuple[int | None, float | None]]
) -> list[NetSpec]:
    """Return the top-down variants of bottom-up networks, whose names begin with ``top_down_``.

    Parameters
    ----------
    nets
        The bottom-up networks.
    stride
        Stride of the variants' maps.
    sizes
        Number of parameters and GFLOPs of each variant.
    """
    return [
        replace(
            net,
            name=TOP_DOWN + net.name,
            kinds=("single", "multi"),
            method="td",
            summary=f"{net.name} on crops around detected animals",
            stride=stride,
            parameters=parameters,
            gflops=gflops,
            prefix=net.prefix and TOP_DOWN + net.prefix,
            example=net.example and TOP_DOWN + net.example,
        )
        for net, (parameters, gflops) in zip(nets, sizes, strict=True)
    ]


def runner(lr: float, milestones: list[int], lrs: list[float]) -> Block:
    """Return AdamW with the learning rate ``lr``, which changes to ``lrs`` at the epochs ``milestones``."""
    return {
        "optimizer": {"type": "AdamW", "params": {"lr": lr}},
        "scheduler": {
            "type": "LRListScheduler",
            "params": {"lr_list": [[value] for value in lrs], "milestones": milestones},
        },
    }


def backbone(**options: Any) -> Block:
    """Return a backbone block without frozen batch norms."""
    return {**options, "freeze_bn_stats": False, "freeze_bn_weights": False}
