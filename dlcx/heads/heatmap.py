"""Heatmap head: one score map a keypoint and, if asked for, offsets from its cells to the keypoint.

A single animal a map: the best cell of each map is the keypoint.  Insafutdinov et al., DeeperCut (ECCV 2016);
Mathis et al., DeepLabCut (Nature Neuroscience 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.heads.construct import Table, construct
from dlcx.heads.criteria import CRITERIA, Criterion
from dlcx.heads.deconvolution import Deconvolution, build_deconvolution
from dlcx.heads.head import Maps
from dlcx.heads.heatmap_targets import TARGETS, HeatmapTargets
from dlcx.heads.identity import Votes, votes
from dlcx.heads.map_head import MapHead
from dlcx.heads.rows import Channels, Rows
from dlcx.poses import Instances


@dataclass(frozen=True)
class BestCell:
    """Decodes maps by their best cell; on the maps' own device, so that only coordinates leave it."""

    sigmoid: bool = True
    clip: bool = False
    locref: bool = True
    locref_std: float = 7.2801

    def __call__(self, maps: Maps, stride: float) -> Tensor:
        """x, y and score (B, C, 3) of each channel, in pixels of the network input, float32."""
        heat = maps["heatmap"].float()
        batch, channels, _, width = heat.shape
        cells = heat.flatten(2)
        cell = best_places(cells)
        score = cells.gather(2, cell[..., None])[..., 0]  # sigmoid keeps the order: it is only needed here
        if self.sigmoid:
            score = score.sigmoid()
        if self.clip:
            score = score.clamp(0, 1)
        place = torch.stack([cell % width, cell // width], -1)  # (B, C, 2), x then y
        xy = place * stride + stride / 2
        if self.locref:
            offsets = maps["locref"].float().reshape(batch, channels, 2, -1)
            chosen = offsets.gather(3, cell[:, :, None, None].expand(-1, -1, 2, 1))[..., 0]
            xy = xy + chosen * self.locref_std
        return torch.cat([xy.float(), score[..., None]], -1)


def best_places(values: Tensor) -> Tensor:
    """Where the highest of the last dimension is, the first of equals.

    On a CPU numpy looks for it: several times as fast, and it waits for no other thread.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.asarray(values.detach().numpy().argmax(-1)))
    return values.argmax(-1)


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
        decoder: BestCell | Votes,
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
        if isinstance(self.decoder, Votes):
            return [Instances.none(0) for _ in maps["heatmap"]]
        poses = self.decoder(maps, self.stride).detach().cpu().numpy()
        return [Instances(pose[None, :, :2], pose[None, :, 2]) for pose in poses]

    def keypoint_rows(self, keypoints: Channels, block: Mapping[str, Any] | None) -> Rows:
        """The maps of the last layers; see :mod:`dlcx.heads.rows`."""
        rows = self.heatmap_head.output_rows("heatmap_head.", keypoints)
        if self.locref_head is not None:
            rows |= self.locref_head.output_rows("locref_head.", keypoints.each(2))
        return rows

    def votes(self, maps: Maps, animals: Sequence[Instances]) -> list[Instances]:
        """The animals of each image with their scores as each individual, where the maps are of individuals."""
        return self.decoder(maps, self.stride, animals) if isinstance(self.decoder, Votes) else list(animals)


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
    targets = construct(target_generator, TARGETS, f"{where}.target_generator")
    decoder = construct(predictor, PREDICTORS, f"{where}.predictor")
    criteria = {name: construct(block, CRITERIA, f"{where}.criterion.{name}") for name, block in criterion.items()}
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
    initialize(head, weight_init, f"{where}.weight_init")
    return head


def initialize(head: nn.Module, how: str | None, where: str) -> None:
    """First weights of a head: ``normal`` is N(0, 0.001) and biases of 0, None what torch gives."""
    if how is None:
        return
    if how != "normal":
        raise DlcxError(f"{where}: expected 'normal' or nothing, got '{how}'")
    for name, parameter in head.named_parameters():
        if "bias" in name:
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=0.001)


def best_cell(
    apply_sigmoid: bool = True, clip_scores: bool = False, location_refinement: bool = True, locref_std: float = 7.2801
) -> BestCell:
    """A block ``{type: HeatmapPredictor, ...}``."""
    return BestCell(apply_sigmoid, clip_scores, location_refinement, locref_std)


#: ``type`` of a block ``predictor`` in pytorch_config.yaml.
PREDICTORS: Table = {"HeatmapPredictor": best_cell, "IdentityPredictor": votes}
