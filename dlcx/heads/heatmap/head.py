"""Heatmap head: one score map a keypoint and, if asked for, offsets from its cells to the keypoint.

A single animal a map: the best cell of each map is the keypoint.  Insafutdinov et al., DeeperCut (ECCV 2016);
Mathis et al., DeepLabCut (Nature Neuroscience 2018).
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
from dlcx.heads.protocol import Maps
from dlcx.poses import Instances


class HeatmapHead(MapHead):
    """Score maps (B, C, H, W) as ``heatmap`` and offsets (B, 2C, H, W) as ``locref``, from features."""

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
        self.draw, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Maps of features (B, C, h, w)."""
        maps = {"heatmap": self.heatmap_head(features)}
        if self.locref_head is not None:
            maps["locref"] = self.locref_head(features)
        return maps

    def decode(self, maps: Maps) -> list[Instances]:
        """One animal an image, in pixels of the network input; none where the maps are of individuals."""
        if isinstance(self.decoder, IdentityScores):
            return [Instances.none(0) for _ in maps["heatmap"]]
        poses = self.decoder(maps, self.stride).detach().cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """The maps of the last layers; see :mod:`dlcx.heads.keypoint_channels`."""
        rows = self.heatmap_head.output_rows("heatmap_head.", keypoints)
        if self.locref_head is not None:
            rows |= self.locref_head.output_rows("locref_head.", keypoints.repeat(2))
        return rows

    def identity_scores(self, maps: Maps, animals: Sequence[Instances]) -> list[Instances]:
        """The animals of each image with their scores as each individual, where the maps are of individuals."""
        return self.decoder(maps, self.stride, animals) if isinstance(self.decoder, IdentityScores) else list(animals)


def build(
    *,
    backbone_stride: float,
    backbone_channels: int,
    where: str,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    locref_config: Mapping[str, Any] | None = None,
    weight_init: str | None = None,
) -> HeatmapHead:
    """A head from its block of pytorch_config.yaml; ``where`` is the block's place in the file."""
    targets = build_from_config(target_generator, TARGETS, f"{where}.target_generator")
    decoder = build_from_config(predictor, PREDICTORS, f"{where}.predictor")
    criteria = {
        name: build_from_config(block, CRITERIA, f"{where}.criterion.{name}") for name, block in criterion.items()
    }
    heatmap = build_deconvolution(
        heatmap_config, f"{where}.heatmap_config", inside=backbone_channels, outside=targets.channels
    )
    locref = None
    if locref_config is not None:
        locref = build_deconvolution(
            locref_config, f"{where}.locref_config", inside=backbone_channels, outside=2 * targets.channels
        )
        if locref.stride != heatmap.stride:
            raise DlcxError(f"{where}: heatmap_config and locref_config have different strides")
    for key, wanted in (
        ("target_generator.generate_locref", targets.locref),
        ("predictor.location_refinement", decoder.locref),
    ):
        if wanted and locref is None:
            raise DlcxError(f"{where}.{key}: needs a locref_config")
    drawn = {"heatmap"} | ({"locref"} if targets.locref else set())
    for name in criteria:
        if name not in drawn:
            raise DlcxError(f"{where}.criterion.{name}: the target generator draws no such map")
    head = HeatmapHead(
        heatmap,
        locref,
        stride=backbone_stride / heatmap.stride,
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init")
    return head


#: ``type`` of a block ``predictor`` in pytorch_config.yaml.
PREDICTORS: Builders = {"HeatmapPredictor": build_argmax_decoder, "IdentityPredictor": build_identity_scores}
