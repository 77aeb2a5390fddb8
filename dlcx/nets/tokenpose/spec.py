"""AnimalTokenPose: keypoints are tokens that attend to patches of HRNet features of a crop."""

from __future__ import annotations

from dlcx.nets.blocks import RADIUS, backbone
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

#: Side of a crop in pixels; features and maps have a quarter of the cells.
CROP = 256
CHANNELS = 32


def _configure(name: str, context: NetContext) -> Block:
    keypoints, size = len(context.layout.bodyparts), [CROP // 4, CROP // 4]
    crop: Block = {"top_down_crop": {"width": CROP, "height": CROP}}
    return {
        "model": {
            "backbone": {
                **backbone(
                    type="HRNet", model_name="hrnet_w32", interpolate_branches=False, increased_channel_count=False
                ),
                "freeze_bn_stats": True,
            },
            "neck": {
                "type": "Transformer",
                "feature_size": size,
                "patch_size": [4, 4],
                "num_keypoints": keypoints,
                "channels": CHANNELS,
                "dim": 192,
                "heads": 8,
                "depth": 6,
            },
            "heads": {
                "bodypart": {
                    "type": "TransformerHead",
                    "target_generator": {
                        "type": "HeatmapPlateauGenerator",
                        "num_heatmaps": keypoints,
                        "pos_dist_thresh": RADIUS,
                        "heatmap_mode": "KEYPOINT",
                        "generate_locref": False,
                    },
                    "criterion": {"type": "WeightedBCECriterion"},
                    "predictor": {"type": "HeatmapPredictor", "location_refinement": False},
                    "dim": 192,
                    "hidden_heatmap_dim": 384,
                    "heatmap_dim": size[0] * size[1],
                    "apply_multi": True,
                    "heatmap_size": size,
                    "apply_init": True,
                    "head_stride": 1,
                }
            },
            "backbone_output_channels": CHANNELS,
        },
        "data": {"inference": crop, "train": crop},
    }


FAMILY = Family(
    name="tokenpose",
    nets=(
        NetSpec(
            name="animaltokenpose_base",
            aliases=("animal_tokenpose_base",),
            kinds=("single", "multi"),
            method="td",
            summary="analysis with existing snapshots only; cannot be trained",
            paper="Li et al. 2021, arXiv:2104.03516; Ye et al. 2024, doi:10.1038/s41467-024-48792-2",
            stride=4,
            parameters=34_514_230,
            gflops=11.50,
            untrainable="AnimalTokenPose can only analyze with an existing snapshot",
            configure=_configure,
        ),
    ),
    necks={"Transformer": "dlcx.nets.tokenpose.model:Transformer"},
)
