"""Blocks of heads for nets that see the whole image: one animal or several, who they are, bodyparts of no animal.

Plain dictionaries with DeepLabCut 3.0.2's values, as in :mod:`dlcx.nets.blocks`.
"""

from __future__ import annotations

from dlcx.nets.blocks import LOCREF_STD, MASKED, RADIUS, doubling, heatmap_head
from dlcx.nets.registry import TOP_DOWN, Block, Request
from dlcx.nets.skeleton import skeleton

#: Pixels beside the line between two bodyparts that count as their link.
LIMB = 20


def backbone_heads(name: str, request: Request, channels: int, *, deconvolutions: int = 1) -> dict[str, Block]:
    """The heads that the name of a backbone means: for whole images, or for crops where it begins ``top_down_``."""
    if name.startswith(TOP_DOWN):
        head = heatmap_head(channels, len(request.layout.bodyparts), deconvolutions=0, masking=MASKED)
        return {"bodypart": head}
    return bottom_up_heads(request, channels, deconvolutions=deconvolutions)


def bottom_up_heads(request: Request, channels: int, *, deconvolutions: int = 1) -> dict[str, Block]:
    """The heads that a backbone's name alone means: heatmaps for a single animal, part-affinity fields for several."""
    layout = request.layout
    if layout.multi:
        head = paf_head(channels, len(layout.bodyparts), len(layout.individuals), deconvolutions=deconvolutions)
    else:
        head = heatmap_head(channels, len(layout.bodyparts), deconvolutions=deconvolutions)
    return {"bodypart": head, **shared_heads(request, channels)}


def shared_heads(request: Request, channels: int) -> dict[str, Block]:
    """The heads that any bottom-up net has beside its own: unique bodyparts and identity, where they are asked for."""
    heads = {}
    if request.layout.unique:
        heads["unique_bodypart"] = unique_head(channels, len(request.layout.unique))
    if request.identity and request.layout.multi:
        heads["identity"] = identity_head(channels, len(request.layout.individuals))
    return heads


def unique_head(channels: int, keypoints: int) -> Block:
    """A heatmap head for bodyparts that occur once in an image and belong to no animal."""
    head = heatmap_head(channels, keypoints)
    head["target_generator"]["label_keypoint_key"] = "keypoints_unique"
    return head


def identity_head(channels: int, individuals: int) -> Block:
    """One map an individual, high where its keypoints are."""
    return {
        "type": "HeatmapHead",
        "predictor": {"type": "IdentityPredictor", "apply_sigmoid": True},
        "target_generator": {
            "type": "HeatmapPlateauGenerator",
            "num_heatmaps": individuals,
            "pos_dist_thresh": RADIUS,
            "heatmap_mode": "INDIVIDUAL",
            "gradient_masking": False,
            "generate_locref": False,
        },
        "criterion": {"heatmap": {"type": "WeightedBCECriterion", "weight": 1.0}},
        "heatmap_config": doubling(channels, channels, individuals, 1),
    }


def paf_head(channels: int, keypoints: int, individuals: int, *, deconvolutions: int = 1) -> Block:
    """A head for several animals: score maps, location refinement and part-affinity fields, refined in five stages.

    ``channels`` of the features; its maps are twice as fine as those of a heatmap head.
    """
    graph = skeleton(keypoints)

    def layers(outputs: int) -> Block:
        return doubling(channels, channels // 2, outputs, deconvolutions)

    return {
        "type": "DLCRNetHead",
        "predictor": {
            "type": "PartAffinityFieldPredictor",
            "num_animals": individuals,
            "num_multibodyparts": keypoints,
            "num_uniquebodyparts": 0,
            "nms_radius": 5,
            "sigma": 1.0,
            "locref_stdev": LOCREF_STD,
            "min_affinity": 0.05,
            "graph": graph,
            "edges_to_keep": list(range(len(graph))),
            "apply_sigmoid": True,
            "clip_scores": False,
        },
        "target_generator": {
            "type": "SequentialGenerator",
            "generators": [
                {
                    "type": "HeatmapPlateauGenerator",
                    "num_heatmaps": keypoints,
                    "pos_dist_thresh": RADIUS,
                    "heatmap_mode": "KEYPOINT",
                    "gradient_masking": False,
                    "generate_locref": True,
                    "locref_std": LOCREF_STD,
                },
                {"type": "PartAffinityFieldGenerator", "graph": graph, "width": LIMB},
            ],
        },
        "criterion": {
            "heatmap": {"type": "WeightedBCECriterion", "weight": 1.0},
            "locref": {"type": "WeightedHuberCriterion", "weight": 0.05},
            "paf": {"type": "WeightedHuberCriterion", "weight": 0.1},
        },
        "heatmap_config": layers(keypoints),
        "locref_config": layers(2 * keypoints),
        "paf_config": layers(2 * len(graph)),
        "num_stages": 5,
    }
