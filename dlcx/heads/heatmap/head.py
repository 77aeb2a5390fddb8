"""Heatmap head: one score map per keypoint and, optionally, offsets from its cells to the keypoint.

Each keypoint occurs once per image: the cell with the highest score is the keypoint. Insafutdinov et al., DeeperCut
(ECCV 2016); Mathis et al., DeepLabCut (Nature Neuroscience 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import Builders, build_from_config
from dlcx.heads.criteria import CRITERIA, Criterion
from dlcx.heads.deconvolution import Deconvolution, build_deconvolution
from dlcx.heads.heatmap.decoding import ArgmaxDecoder, build_argmax_decoder
from dlcx.heads.heatmap.identity_scores import IdentityScores, build_identity_scores
from dlcx.heads.heatmap.targets import TARGETS, HeatmapTargets
from dlcx.heads.initialization import initialize_weights
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.map_head import MapHead
from dlcx.heads.protocol import HeadContext, MapDescription, Maps, vector_maps
from dlcx.poses import Instances


class HeatmapHead(MapHead):
    """Computes score maps ``heatmap`` (B, C, H, W) and offsets ``locref`` (B, 2C, H, W) from features.

    Parameters
    ----------
    heatmap, locref
        Layers of the two maps; ``locref`` None for no offsets.
    stride
        Pixels of the network input per cell.
    targets, criteria
        Targets of the maps, and the loss of each map.
    decoder
        An :class:`ArgmaxDecoder` if channels are keypoints, :class:`IdentityScores` if they are individuals.
    """

    def __init__(
        self,
        heatmap: Deconvolution,
        locref: Deconvolution | None,
        *,
        stride: float,
        targets: HeatmapTargets,
        criteria: dict[str, Criterion],
        decoder: ArgmaxDecoder | IdentityScores,
    ) -> None:
        super().__init__()
        self.heatmap_head = heatmap
        self.locref_head = locref
        self.stride = stride
        self.target_generator, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Compute the maps of features (B, C, h, w)."""
        maps = {"heatmap": self.heatmap_head(features)}
        if self.locref_head is not None:
            maps["locref"] = self.locref_head(features)
        return maps

    def decode(self, maps: Maps) -> list[Instances]:
        """Return one animal per image, in pixels of the network input; none if channels are individuals."""
        if isinstance(self.decoder, IdentityScores):
            return [Instances.empty(0) for _ in maps["heatmap"]]
        poses = self.decoder(maps, self.stride).detach().cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def identity_scores(self, maps: Maps, animals: Sequence[Instances]) -> list[Instances]:
        """Return the animals of each image with identity scores, or as they are if channels are keypoints."""
        if isinstance(self.decoder, IdentityScores):
            return self.decoder(maps, self.stride, animals)
        return list(animals)

    def describe(self, maps: Maps) -> MapDescription:
        """Describe the score maps and, if there are any, the offsets."""
        heat = maps["heatmap"].float()
        offsets = None
        if "locref" in maps and isinstance(self.decoder, ArgmaxDecoder):
            offsets = vector_maps(maps["locref"].float() * self.decoder.locref_std)
        return MapDescription(
            scores=heat.sigmoid() if self.decoder.sigmoid else heat.clamp(0, 1),
            stride=(self.stride, self.stride),
            keypoint_offsets=offsets,
        )

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the keypoints in the last layers; see :mod:`dlcx.heads.keypoint_channels`."""
        channels = self.heatmap_head.output_channels("heatmap_head.", keypoints)
        if self.locref_head is not None:
            channels |= self.locref_head.output_channels("locref_head.", keypoints.repeat(2))
        return channels


def build(
    *,
    context: HeadContext,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    locref_config: Mapping[str, Any] | None = None,
    weight_init: str | None = None,
) -> HeatmapHead:
    """Build the head from its block of pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If a key is unknown or the keys do not agree with each other.
    """
    where = context.where
    targets = build_from_config(target_generator, TARGETS, f"{where}.target_generator")
    decoder = build_from_config(predictor, PREDICTORS, f"{where}.predictor")
    criteria = {
        name: build_from_config(block, CRITERIA, f"{where}.criterion.{name}") for name, block in criterion.items()
    }
    heatmap = build_deconvolution(
        heatmap_config, f"{where}.heatmap_config", in_channels=context.channels, out_channels=targets.channels
    )
    locref = None
    if locref_config is not None:
        locref = build_deconvolution(
            locref_config, f"{where}.locref_config", in_channels=context.channels, out_channels=2 * targets.channels
        )
        if locref.stride != heatmap.stride:
            raise DlcxError(f"{where}: heatmap_config and locref_config have different strides")
    for key, needs_locref in (
        ("target_generator.generate_locref", targets.locref),
        ("predictor.location_refinement", decoder.locref),
    ):
        if needs_locref and locref is None:
            raise DlcxError(f"{where}.{key}: needs a locref_config")
    generated = {"heatmap"} | ({"locref"} if targets.locref else set())
    for name in criteria:
        if name not in generated:
            raise DlcxError(f"{where}.criterion.{name}: the target generator does not generate this map")
    head = HeatmapHead(
        heatmap,
        locref,
        stride=context.stride / heatmap.stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init")
    return head


#: ``type`` of a block ``predictor`` in pytorch_config.yaml.
PREDICTORS: Builders = {"HeatmapPredictor": build_argmax_decoder, "IdentityPredictor": build_identity_scores}
