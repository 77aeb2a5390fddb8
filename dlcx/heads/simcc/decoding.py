"""Decoding of the SimCC head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlcx.heads.protocol import Maps
from dlcx.heads.simcc.values import sigma_pair


@dataclass(frozen=True)
class BinArgmaxDecoder:
    """Decodes bins by the best one of each axis; on their own device, so that only coordinates leave it."""

    split_ratio: float
    sigma: tuple[float, float]
    decode_beta: float = 150.0
    softmax: bool = True
    normalize: bool = False

    def __call__(self, maps: Maps) -> Tensor:
        """x, y and score (B, K, 3), in pixels of the crop, float32.

        A keypoint whose score is no better than that of equal bins is at -1 bins.
        """
        found = [self._best(maps[axis].float(), sigma) for axis, sigma in zip("xy", self.sigma, strict=True)]
        score = torch.minimum(found[0][0], found[1][0])
        nothing = 1 / maps["x"].shape[-1] if self.softmax else 0.0
        places = torch.stack([place for _, place in found], -1).float()
        places = torch.where((score <= nothing)[..., None], -1.0, places)
        return torch.cat([places / self.split_ratio, score[..., None]], -1)

    def _best(self, logits: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Score and number of the best bin of each keypoint, both (B, K)."""
        if self.normalize:
            values = logits.clamp(min=0)
            values = values / values.amax(-1, keepdim=True).clamp(min=1)
        else:
            values = logits * (sigma * self.decode_beta)
        score, place = (values.softmax(-1) if self.softmax else values).max(-1)
        return score, place


def build_decoder(
    simcc_split_ratio: float = 2.0,
    sigma: Any = 6.0,
    decode_beta: float = 150.0,
    apply_softmax: bool = True,
    normalize_outputs: bool = False,
) -> BinArgmaxDecoder:
    """A block ``{type: SimCCPredictor, ...}``."""
    return BinArgmaxDecoder(
        simcc_split_ratio, sigma_pair(sigma, "predictor.sigma"), decode_beta, apply_softmax, normalize_outputs
    )
