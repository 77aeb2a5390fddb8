"""Who an animal is, from score maps of the individuals: their values at the animal's keypoints.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
Shapes: B images, N animals, K bodyparts, A individuals, H x W cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from dlcx.heads.protocol import Maps
from dlcx.poses import Instances


@dataclass(frozen=True)
class IdentityScores:
    """Reads score maps of individuals at keypoints."""

    sigmoid: bool = True
    locref: bool = False

    def __call__(self, maps: Maps, stride: float, animals: Sequence[Instances]) -> list[Instances]:
        """The animals of each of the B images with ``identity``: a score an individual, 0 for a keypoint not seen."""
        heat = maps["heatmap"].detach().float()
        most = max(len(found) for found in animals)
        if not most:
            shape = (0, animals[0].xy.shape[1], heat.shape[1])
            return [replace(found, identity=np.zeros(shape, np.float32)) for found in animals]
        xy = np.full((len(animals), most, *animals[0].xy.shape[1:]), np.nan, np.float32)
        for row, found in zip(xy, animals, strict=True):
            row[: len(found)] = found.xy
        scores = self.read(heat, stride, torch.from_numpy(xy).to(heat.device).flatten(1, 2))  # (B, N K, A)
        scores = scores.unflatten(1, xy.shape[1:3]).cpu().numpy()
        return [replace(found, identity=own[: len(found)]) for found, own in zip(animals, scores, strict=True)]

    def read(self, heat: Tensor, stride: float, xy: Tensor) -> Tensor:
        """Scores (B, P, A) of maps (B, A, H, W), enlarged to the network input, at the pixels next to ``xy`` (B, P, 2).

        Only these pixels are interpolated.  0 where ``xy`` is nan.
        """
        size = torch.tensor([int(side * stride) for side in (heat.shape[3], heat.shape[2])], device=heat.device)
        pixel = torch.minimum(xy.nan_to_num(0).round().clamp(min=0), size - 1)
        place = (pixel + 0.5) * 2 / size - 1
        scores = functional.grid_sample(heat, place[:, :, None], padding_mode="border", align_corners=False)
        scores = scores[..., 0].transpose(1, 2)
        scores = scores.sigmoid() if self.sigmoid else scores
        return torch.where(xy.isfinite().all(-1, keepdim=True), scores, 0.0)


def assign_identities(animals: Instances) -> Instances:
    """One row an individual in the project's order, decided from the scores of all animals together.

    Rows of individuals that are not in the image show nobody (see :class:`dlcx.poses.Instances`), so that the ones
    after them keep their place.  Animals beyond the number of individuals come last.  The animals are returned as they
    are where no head says who they are, and where there are none.
    """
    if animals.identity is None or not len(animals):
        return animals
    fit = (animals.identity * animals.score[..., None]).sum(1)  # keypoints that are sure say more
    found, individual = linear_sum_assignment(fit, maximize=True)
    rows = np.full(animals.identity.shape[2], -1)
    rows[individual] = found
    rest = np.setdiff1d(np.arange(len(animals)), found)
    return animals.placed(np.concatenate([rows, rest]))


def build_identity_scores(apply_sigmoid: bool = True) -> IdentityScores:
    """A block ``{type: IdentityPredictor, ...}``."""
    return IdentityScores(apply_sigmoid)
