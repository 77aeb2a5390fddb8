"""Head blocks of bottom-up networks: keypoints of one or several animals, unique bodyparts, and identity.

Plain dictionaries with DeepLabCut 3.0.2's values, as in :mod:`dlcx.nets.blocks`.
"""

from __future__ import annotations

from dlcx.nets.blocks import LOCREF_STD, MASKED, RADIUS, doubling, heatmap_head
from dlcx.nets.registry import TOP_DOWN, Block, NetContext
from dlcx.nets.skeleton import skeleton

#: Half the width of a limb in pixels.
LIMB_WIDTH = 20


def backbone_heads(name: str, context: NetContext, channels: int, *, deconvolutions: int = 1) -> dict[str, Block]:
    """Return the heads of a network named after its backbone; with the prefix ``top_down_`` those for crops."""
    if name.startswith(TOP_DOWN):
        head = heatmap_head(channels, len(context.layout.bodyparts), deconvolutions=0, masking=MASKED)
        return {"bodypart": head}
    return bottom_up_heads(context, channels, deconvolutions=deconvolutions)


def bottom_up_heads(context: NetContext, channels: int, *, deconvolutions: int = 1) -> dict[str, Block]:
    """Return the heads of a bottom-up network: heatmaps for one animal, part-affinity fields for several."""
    layout = context.layout
    if layout.multi:
        head = paf_head(channels, len(layout.bodyparts), len(layout.individuals), deconvolutions=deconvolutions)
    else:
        head = heatmap_head(channels, len(layout.bodyparts), deconvolutions=deconvolutions)
    return {"bodypart": head, **shared_heads(context, channels)}


def shared_heads(context: NetContext, channels: int) -> dict[str, Block]:
    """Return the heads for unique bodyparts and identity, if the project needs them."""
    heads = {}
    if context.layout.unique:
        heads["unique_bodypart"] = unique_head(channels, len(context.layout.unique))
    if context.identity and context.layout.multi:
        heads["identity"] = identity_head(channels, len(context.layout.individuals))
    return heads


def unique_head(channels: int, keypoints: int) -> Block:
    """Return a heatmap head for unique bodyparts, which occur once per image and belong to no animal."""
    head = heatmap_head(channels, keypoints)
    head["target_generator"]["label_keypoint_key"] = "keypoints_unique"
    return head


def identity_head(channels: int, individuals: int) -> Block:
    """Return an identity head: one map per individual, high at its keypoints."""
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
    """Return a head with part-affinity fields for several animals, refined in five stages.

    Parameters
    ----------
    channels
        Channels of the backbone features.
    keypoints, individuals
        Numbers of keypoints and of individuals.
    deconvolutions
        Number of layers that double the resolution, in addition to one doubling inside of the head.
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
                {"type": "PartAffinityFieldGenerator", "graph": graph, "width": LIMB_WIDTH},
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
