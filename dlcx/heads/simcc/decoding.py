"""Argmax decoding of the SimCC head's bins.

Li et al., SimCC (ECCV 2022), arXiv:2107.03332. Shapes: B crops, K keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlcx.heads.protocol import Maps
from dlcx.heads.simcc.values import sigma_pair


@dataclass(frozen=True)
class BinArgmaxDecoder:
    """Takes the best bin of each axis.

    Decoding runs on the device of the maps, so that only coordinates are transferred.

    Parameters
    ----------
    split_ratio
        Bins per pixel.
    sigma
        Standard deviations of the targets for x and y, in bins.
    decode_beta
        The logits are multiplied by ``sigma * decode_beta``.
    softmax
        Scores are softmax probabilities.
    normalize
        Instead of multiplying the logits, clip them at 0 and divide by their maximum if it is above 1.
    """

    split_ratio: float
    sigma: tuple[float, float]
    decode_beta: float = 150.0
    softmax: bool = True
    normalize: bool = False

    def __call__(self, maps: Maps) -> Tensor:
        """Decode one keypoint per channel.

        Parameters
        ----------
        maps
            Logits ``x`` (B, K, W bins) and ``y`` (B, K, H bins).

        Returns
        -------
        Tensor
            x, y and score (B, K, 3) in pixels of the crop, float32. A keypoint whose score does not exceed that of a
            uniform distribution is at bin -1.
        """
        found = [self._best(maps[axis].float(), sigma) for axis, sigma in zip("xy", self.sigma, strict=True)]
        score = torch.minimum(found[0][0], found[1][0])
        uniform = 1 / maps["x"].shape[-1] if self.softmax else 0.0
        bins = torch.stack([index for _, index in found], -1).float()
        bins = torch.where((score <= uniform)[..., None], -1.0, bins)
        return torch.cat([bins / self.split_ratio, score[..., None]], -1)

    def _best(self, logits: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Score and index of the best bin of each keypoint, both (B, K)."""
        if self.normalize:
            values = logits.clamp(min=0)
            values = values / values.amax(-1, keepdim=True).clamp(min=1)
        else:
            values = logits * (sigma * self.decode_beta)
        score, index = (values.softmax(-1) if self.softmax else values).max(-1)
        return score, index


def build_decoder(
    simcc_split_ratio: float = 2.0,
    sigma: Any = 6.0,
    decode_beta: float = 150.0,
    apply_softmax: bool = True,
    normalize_outputs: bool = False,
) -> BinArgmaxDecoder:
    """Build the block ``{type: SimCCPredictor, ...}``."""
    return BinArgmaxDecoder(
        simcc_split_ratio, sigma_pair(sigma, "predictor.sigma"), decode_beta, apply_softmax, normalize_outputs
    )
