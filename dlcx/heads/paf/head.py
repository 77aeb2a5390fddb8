"""Head for several animals: score maps, location refinement and part-affinity fields, refined in stages.

Which bodyparts belong to one animal is told by the fields between them: :mod:`dlcx.heads.paf.decoding` finds and links
the peaks, :mod:`dlcx.heads.paf.assembly` builds animals from the links.  Lauer et al., Multi-animal pose estimation,
identification and tracking with DeepLabCut (Nature Methods 2022); Cao et al., OpenPose (CVPR 2017).
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
from dlcx.heads.protocol import Maps
from dlcx.heads.targets import TargetGenerator
from dlcx.poses import Instances

#: Channels of the features that every stage sees.
SEEN = 128


class DLCRNetHead(MapHead):
    """Score maps (B, K, H, W) as ``heatmap``, offsets (B, 2K, H, W) as ``locref``, fields (B, 2E, H, W) as ``paf``.

    ``convt1`` to ``convt4`` enlarge the features once; each of the ``stages`` sees the score maps and fields of the
    one before and adds to the score maps.
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
        self.convt1 = _enlarge(features, keypoints)
        self.convt2 = _enlarge(features, 2 * keypoints)
        self.convt3 = _enlarge(features, 2 * edges)
        self.convt4 = _enlarge(features, SEEN)
        inside = stage_channels(keypoints, edges)
        self.hm_ref_layers = nn.ModuleList(nn.Conv2d(inside, keypoints, 3, padding=1) for _ in range(stages))
        self.paf_ref_layers = nn.ModuleList(nn.Conv2d(inside, 2 * edges, 3, padding=1) for _ in range(stages))
        self.stride = stride
        self.draw, self.criteria, self.decoder = targets, criteria, decoder

    def forward(self, features: Tensor) -> Maps:
        """Maps of features (B, C, h, w)."""
        seen = self.convt4(features)
        stage = torch.cat([self.convt1(features), self.convt3(features), seen], 1)
        scores: Tensor | None = None
        for refine_scores, refine_fields in zip(self.hm_ref_layers, self.paf_ref_layers, strict=True):
            refined = refine_scores(stage)
            scores = refined if scores is None else scores + refined
            stage = torch.cat([scores, refine_fields(stage), seen], 1)
        return {
            "heatmap": self.heatmap_head(stage),
            "locref": self.locref_head(self.convt2(features)),
            "paf": self.paf_head(stage),
        }

    def decode(self, maps: Maps) -> list[Instances]:
        """The animals in each image, in pixels of the network input."""
        return self.decoder(maps, self.stride)

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """All layers but those of the features that every stage sees; see :mod:`dlcx.heads.keypoint_channels`."""
        fields = self._edges(keypoints, block).repeat(2)
        offsets, stage = keypoints.repeat(2), keypoints + fields + ChannelMap.identity(SEEN)
        rows = {
            **self.heatmap_head.rows("heatmap_head.", stage, keypoints),
            **self.locref_head.rows("locref_head.", offsets, offsets),
            **self.paf_head.rows("paf_head.", stage, fields),
        }
        for name, channels in (("convt1", keypoints), ("convt2", offsets), ("convt3", fields)):
            rows |= {f"{name}.weight": {1: channels}, f"{name}.bias": {0: channels}}
        for name, channels in (("hm_ref_layers", keypoints), ("paf_ref_layers", fields)):
            for number in range(len(self.hm_ref_layers)):
                layer = f"{name}.{number}"
                rows |= {f"{layer}.weight": {0: channels, 1: stage}, f"{layer}.bias": {0: channels}}
        return rows

    def _edges(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> ChannelMap:
        """Which edge of the source each own one is: that between the same bodyparts, in the same direction."""
        own = self.decoder.graph
        if block is None:
            return ChannelMap.identity(len(own)) if keypoints.is_identity else ChannelMap((-1,) * len(own), len(own))
        theirs = [tuple(edge) for edge in block["predictor"]["graph"]]
        places = dict(enumerate(keypoints.sources))
        ends = [(places.get(first, -1), places.get(second, -1)) for first, second in own]
        return ChannelMap.by_name(ends, theirs)


def stage_channels(keypoints: int, edges: int) -> int:
    """Channels of what each stage sees: score maps, fields, features."""
    return keypoints + 2 * edges + SEEN


def _enlarge(inside: int, outside: int) -> nn.ConvTranspose2d:
    """Twice as many cells in each direction."""
    return nn.ConvTranspose2d(inside, outside, 3, stride=2, padding=1, output_padding=1)


def build(
    *,
    backbone_stride: float,
    backbone_channels: int,
    where: str,
    predictor: Mapping[str, Any],
    target_generator: Mapping[str, Any],
    criterion: Mapping[str, Any],
    heatmap_config: Mapping[str, Any],
    locref_config: Mapping[str, Any],
    paf_config: Mapping[str, Any],
    num_stages: int = 5,
    weight_init: str | None = None,
) -> DLCRNetHead:
    """A head from its block of pytorch_config.yaml; ``where`` is the block's place in the file."""
    if num_stages < 1:
        raise DlcxError(f"{where}.num_stages: expected 1 or more, got {num_stages}")
    decoder = build_decoder(predictor, f"{where}.predictor")
    targets = build_from_config(target_generator, PAF_TARGETS, f"{where}.target_generator")
    criteria = {
        name: build_from_config(block, CRITERIA, f"{where}.criterion.{name}") for name, block in criterion.items()
    }
    keypoints, edges = decoder.bodyparts, len(decoder.graph)
    refined = stage_channels(keypoints, edges)
    fed = {"heatmap": (refined, keypoints), "locref": (2 * keypoints, 2 * keypoints), "paf": (refined, 2 * edges)}
    blocks = {"heatmap": heatmap_config, "locref": locref_config, "paf": paf_config}
    layers = {
        name: build_deconvolution(
            block, f"{where}.{name}_config", inside=backbone_channels, fed=fed[name][0], outside=fed[name][1]
        )
        for name, block in blocks.items()
    }
    if len({layer.stride for layer in layers.values()}) > 1:
        raise DlcxError(f"{where}: heatmap_config, locref_config and paf_config have different strides")
    for name in criteria:
        if name not in layers:
            raise DlcxError(f"{where}.criterion.{name}: the head has no such map")
    head = DLCRNetHead(
        **layers,
        features=backbone_channels,
        keypoints=keypoints,
        edges=edges,
        stages=num_stages,
        stride=backbone_stride / (2 * layers["heatmap"].stride),
        targets=targets,
        criteria=criteria,
        decoder=decoder,
    )
    initialize_weights(head, weight_init, f"{where}.weight_init")
    return head
