"""Identity scores: read score maps of the individuals at the keypoints of each animal.

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
    """Reads the score of each individual at keypoints.

    Parameters
    ----------
    sigmoid
        Apply a sigmoid to the scores.
    """

    sigmoid: bool = True
    #: The maps have no offsets.
    locref = False

    def __call__(self, maps: Maps, stride: float, animals: Sequence[Instances]) -> list[Instances]:
        """Score the identity of animals.

        Parameters
        ----------
        maps
            ``heatmap`` (B, A, H, W), one channel per individual.
        stride
            Pixels of the network input per cell.
        animals
            The animals of each of the B images, in pixels of the network input.

        Returns
        -------
        list of Instances
            The animals with ``identity`` (N, K, A); 0 for keypoints that are nan.
        """
        heat = maps["heatmap"].detach().float()
        max_animals = max(len(found) for found in animals)
        if not max_animals:
            shape = (0, animals[0].xy.shape[1], heat.shape[1])
            return [replace(found, identity=np.zeros(shape, np.float32)) for found in animals]
        xy = np.full((len(animals), max_animals, *animals[0].xy.shape[1:]), np.nan, np.float32)
        for row, found in zip(xy, animals, strict=True):
            row[: len(found)] = found.xy
        scores = self.read(heat, stride, torch.from_numpy(xy).to(heat.device).flatten(1, 2))  # (B, N K, A)
        scores = scores.unflatten(1, xy.shape[1:3]).cpu().numpy()
        return [replace(found, identity=score[: len(found)]) for found, score in zip(animals, scores, strict=True)]

    def read(self, heat: Tensor, stride: float, xy: Tensor) -> Tensor:
        """Interpolate score maps at the pixels nearest to points.

        This equals resizing the maps to the network input, but computes only the pixels that are needed.

        Parameters
        ----------
        heat
            Score maps (B, A, H, W).
        stride
            Pixels of the network input per cell.
        xy
            Points (B, P, 2) in pixels of the network input.

        Returns
        -------
        Tensor
            Scores (B, P, A); 0 for points that are nan.
        """
        size = torch.tensor([int(side * stride) for side in (heat.shape[3], heat.shape[2])], device=heat.device)
        pixel = torch.minimum(xy.nan_to_num(0).round().clamp(min=0), size - 1)
        grid = (pixel + 0.5) * 2 / size - 1
        scores = functional.grid_sample(heat, grid[:, :, None], padding_mode="border", align_corners=False)
        scores = scores[..., 0].transpose(1, 2)
        scores = scores.sigmoid() if self.sigmoid else scores
        return torch.where(xy.isfinite().all(-1, keepdim=True), scores, 0.0)


def assign_identities(animals: Instances) -> Instances:
    """Order animals by identity, so that row i is the project's i-th individual.

    The assignment maximizes the identity scores of all animals together, weighted by the score of each keypoint.

    Parameters
    ----------
    animals
        Animals of one image with identity scores.

    Returns
    -------
    Instances
        One row per individual; the rows of absent individuals are empty (see :class:`dlcx.poses.Instances`). Animals
        in excess of the individuals follow. Without animals or identity scores, ``animals`` itself.
    """
    if animals.identity is None or not len(animals):
        return animals
    fit = (animals.identity * animals.score[..., None]).sum(1)
    found, individual = linear_sum_assignment(fit, maximize=True)
    rows = np.full(animals.identity.shape[2], -1)
    rows[individual] = found
    rest = np.setdiff1d(np.arange(len(animals)), found)
    return animals.reindexed(np.concatenate([rows, rest]))


def build_identity_scores(apply_sigmoid: bool = True) -> IdentityScores:
    """Build the block ``{type: IdentityPredictor, ...}``."""
    return IdentityScores(apply_sigmoid)
