"""Part-affinity-field head: score maps, offsets and fields for several animals, refined in stages.

The fields between bodyparts indicate which of them belong to the same animal: :mod:`dlcx.heads.paf.decoding` finds
peaks and scores pairs of them, :mod:`dlcx.heads.paf.assembly` assembles animals. Lauer et al., Multi-animal pose
estimation, identification and tracking with DeepLabCut (Nature Methods 2022); Cao et al., OpenPose (CVPR 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.criteria import CRITERIA, Criterion
from dlcx.heads.deconvolution import Deconvolution, build_deconvolution
from dlcx.heads.initialization import initialize_weights
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.heads.map_head import MapHead
from dlcx.heads.paf.decoding import PafDecoder, build_decoder
from dlcx.heads.paf.targets import PAF_TARGETS
from dlcx.heads.protocol import HeadContext, MapDescription, Maps, vector_maps
from dlcx.heads.targets import TargetGenerator
from dlcx.poses import Instances

#: Channels of the features that all stages share.
SHARED_CHANNELS = 128


class DLCRNetHead(MapHead):
    """Computes score maps ``heatmap`` (B, K, H, W), offsets ``locref`` (B, 2K, H, W) and fields ``paf`` (B, 2E, H, W).

    ``convt1`` to ``convt4`` upsample the features once. Each stage sees the score maps and fields of the stage before
    and adds to the score maps.

    Parameters
    ----------
    heatmap, locref, paf
        Last layers of the three maps.
    features
        Channels of the backbone features.
    keypoints, edges
        Numbers of keypoints K and of edges E of the skeleton.
    stages
        Number of stages.
    stride
        Pixels of the network input per cell.
    targets, criteria, decoder
        Targets of the maps, the loss of each map, and how they are decoded.
    """

    def __init__(
        self,
        heatmap: Deconvolution,
        locref: Deconvolution,
        paf: Deconvolution,
        *,
        features: int,
        keypoints: int,
        edges: int,
        stages: int,
        stride: float,
        targets: TargetGenerator,
        criteria: dict[str, Criterion],
        decoder: PafDecoder,
    ) -> None:
        super().__init__()
        self.heatmap_head, self.locref_head, self.paf_head = heatmap, locref, paf
        self.convt1 = _upsample(features, keypoints)
        self.convt2 = _upsample(features, 2 * keypoints)
        self.convt3 = _upsample(features, 2 * edges)
        self.convt4 = _upsample(features, SHARED_CHANNELS)
        channels = stage_channels(keypoints, edges)
        self.hm_ref_layers = nn.ModuleList(nn.Conv2d(channels, keypoints, 3, padding=1) for _ in range(stages))
        self.paf_ref_layers = nn.ModuleList(nn.Conv2d(channels, 2 * edges, 3, padding=1) for _ in range(stages))
        self.stride = stride
        self.target_generator, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Compute the maps of features (B, C, h, w)."""
        shared = self.convt4(features)
        stage = torch.cat([self.convt1(features), self.convt3(features), shared], 1)
        scores: Tensor | None = None
        for refine_scores, refine_fields in zip(self.hm_ref_layers, self.paf_ref_layers, strict=True):
            refined = refine_scores(stage)
            scores = refined if scores is None else scores + refined
            stage = torch.cat([scores, refine_fields(stage), shared], 1)
        return {
            "heatmap": self.heatmap_head(stage),
            "locref": self.locref_head(self.convt2(features)),
            "paf": self.paf_head(stage),
        }

    def decode(self, maps: Maps) -> list[Instances]:
        """Return the animals in each image, in pixels of the network input."""
        return self.decoder(maps, self.stride)

    def describe(self, maps: Maps) -> MapDescription:
        """Describe the score maps, the offsets, and the fields of the edges that the decoder uses."""
        heat, decoder = maps["heatmap"].float(), self.decoder
        return MapDescription(
            scores=heat.sigmoid() if decoder.sigmoid else heat.clamp(0, 1),
            stride=(self.stride, self.stride),
            keypoint_offsets=vector_maps(maps["locref"].float() * decoder.locref_std),
            fields=vector_maps(maps["paf"].float())[:, list(decoder.edges)],
            edges=tuple(decoder.graph[edge] for edge in decoder.edges),
        )

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate keypoints and edges in all layers but those of the shared features.

        See :mod:`dlcx.heads.keypoint_channels`.
        """
        fields = self._edge_channels(keypoints, block).repeat(2)
        offsets, stage = keypoints.repeat(2), keypoints + fields + ChannelMap.identity(SHARED_CHANNELS)
        found = {
            **self.heatmap_head.all_channels("heatmap_head.", stage, keypoints),
            **self.locref_head.all_channels("locref_head.", offsets, offsets),
            **self.paf_head.all_channels("paf_head.", stage, fields),
        }
        for name, channels in (("convt1", keypoints), ("convt2", offsets), ("convt3", fields)):
            found |= {f"{name}.weight": {1: channels}, f"{name}.bias": {0: channels}}
        for name, channels in (("hm_ref_layers", keypoints), ("paf_ref_layers", fields)):
            for number in range(len(self.hm_ref_layers)):
                layer = f"{name}.{number}"
                found |= {f"{layer}.weight": {0: channels, 1: stage}, f"{layer}.bias": {0: channels}}
        return found

    def _edge_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> ChannelMap:
        """Map each edge to the source's edge between the same bodyparts, in the same direction."""
        own = self.decoder.graph
        if block is None:
            return ChannelMap.identity(len(own)) if keypoints.is_identity else ChannelMap((-1,) * len(own), len(own))
        source = [tuple(edge) for edge in block["predictor"]["graph"]]
        origins = dict(enumerate(keypoints.sources))
        renamed = [(origins.get(first, -1), origins.get(second, -1)) for first, second in own]
        return ChannelMap.by_name(renamed, source)


def stage_channels(keypoints: int, edges: int) -> int:
    """Return the number of input channels of a stage: score maps, fields and shared features."""
    return keypoints + 2 * edges + SHARED_CHANNELS


def _upsample(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    """Double the number of cells in each direction."""
    return nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)


def build(
    *,
    context: HeadContext,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    locref_config: Mapping[str, Any],
    paf_config: Mapping[str, Any],
    num_stages: int = 5,
    weight_init: str | None = None,
) -> DLCRNetHead:
    """Build the head from its block of pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If a key is unknown or the keys do not agree with each other.
    """
    where = context.where
    if num_stages < 1:
        raise DlcxError(f"{where}.num_stages: expected 1 or more, got {num_stages}")
    decoder = build_decoder(predictor, f"{where}.predictor")
    targets = build_from_config(target_generator, PAF_TARGETS, f"{where}.target_generator")
    criteria = {
        name: build_from_config(block, CRITERIA, f"{where}.criterion.{name}") for name, block in criterion.items()
    }
    keypoints, edges = decoder.bodyparts, len(decoder.graph)
    stage = stage_channels(keypoints, edges)
    layers = {
        name: build_deconvolution(
            block,
            f"{where}.{name}_config",
            in_channels=context.channels,
            actual_in_channels=inputs,
            out_channels=outputs,
        )
        for name, block, inputs, outputs in (
            ("heatmap", heatmap_config, stage, keypoints),
            ("locref", locref_config, 2 * keypoints, 2 * keypoints),
            ("paf", paf_config, stage, 2 * edges),
        )
    }
    if len({layer.stride for layer in layers.values()}) > 1:
        raise DlcxError(f"{where}: heatmap_config, locref_config and paf_config have different strides")
    for name in criteria:
        if name not in layers:
            raise DlcxError(f"{where}.criterion.{name}: the head has no such map")
    head = DLCRNetHead(
        **layers,
        features=context.channels,
        keypoints=keypoints,
        edges=edges,
        stages=num_stages,
        stride=context.stride / (2 * layers["heatmap"].stride),
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init")
    return head
