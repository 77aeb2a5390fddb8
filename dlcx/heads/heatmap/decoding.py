"""Argmax decoding of heatmaps: the cell with the highest score is the keypoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlcx.heads.protocol import Maps


@dataclass(frozen=True)
class ArgmaxDecoder:
    """Takes the cell with the highest score of each channel, refined by its offset.

    Decoding runs on the device of the maps, so that only coordinates are transferred.

    Parameters
    ----------
    sigmoid
        Apply a sigmoid to the scores.
    clip
        Clip scores to the range from 0 to 1.
    locref
        Add the offset of the cell (location refinement).
    locref_std
        Pixels per unit of the offsets.
    """

    sigmoid: bool = True
    clip: bool = False
    locref: bool = True
    locref_std: float = 7.2801

    def __call__(self, maps: Maps, stride: float) -> Tensor:
        """Decode one keypoint per channel.

        Parameters
        ----------
        maps
            ``heatmap`` (B, C, H, W) and, with ``locref``, ``locref`` (B, 2C, H, W).
        stride
            Pixels of the network input per cell.

        Returns
        -------
        Tensor
            x, y and score (B, C, 3), in pixels of the network input, float32. Of equal cells the first is taken.
        """
        heat = maps["heatmap"].float()
        batch, channels, _, width = heat.shape
        scores = heat.flatten(2)
        best = last_argmax(scores)
        score = scores.gather(2, best[..., None])[..., 0]
        if self.sigmoid:  # monotonic, so it is only computed for the best cells
            score = score.sigmoid()
        if self.clip:
            score = score.clamp(0, 1)
        cell = torch.stack([best % width, best // width], -1)  # (B, C, 2), x then y
        xy = cell * stride + stride / 2
        if self.locref:
            offsets = maps["locref"].float().reshape(batch, channels, 2, -1)
            offset = offsets.gather(3, best[:, :, None, None].expand(-1, -1, 2, 1))[..., 0]
            xy = xy + offset * self.locref_std
        return torch.cat([xy.float(), score[..., None]], -1)


def last_argmax(values: Tensor) -> Tensor:
    """Return the index of the maximum along the last dimension, the first of equal values.

    On the CPU this uses NumPy, which is several times faster and does not wait for other threads.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.asarray(values.detach().numpy().argmax(-1)))
    return values.argmax(-1)


def build_argmax_decoder(
    apply_sigmoid: bool = True, clip_scores: bool = False, location_refinement: bool = True, locref_std: float = 7.2801
) -> ArgmaxDecoder:
    """Build the block ``{type: HeatmapPredictor, ...}``."""
    return ArgmaxDecoder(apply_sigmoid, clip_scores, location_refinement, locref_std)
