"""Argmax decoding of heatmaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlcx.heads.protocol import Maps


@dataclass(frozen=True)
class ArgmaxDecoder:
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
        cell = last_argmax(cells)
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


def last_argmax(values: Tensor) -> Tensor:
    """Where the highest of the last dimension is, the first of equals.

    On a CPU numpy looks for it: several times as fast, and it waits for no other thread.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.asarray(values.detach().numpy().argmax(-1)))
    return values.argmax(-1)


def build_argmax_decoder(
    apply_sigmoid: bool = True, clip_scores: bool = False, location_refinement: bool = True, locref_std: float = 7.2801
) -> ArgmaxDecoder:
    """A block ``{type: HeatmapPredictor, ...}``."""
    return ArgmaxDecoder(apply_sigmoid, clip_scores, location_refinement, locref_std)
