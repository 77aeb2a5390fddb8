"""From DEKR's maps to animals: the best centres, the keypoints their offsets point to, and one pose an animal.

Geng et al. (CVPR 2021), arXiv:2104.02300.  Shapes: B images, N candidates, K keypoints, H x W cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dlcx.heads.protocol import Maps

#: Cells on a side of the window in which a peak is the highest.
WINDOW = 5
#: What the score of a keypoint may be.
SCORES = ("combined", "heatmap", "center")


@dataclass(frozen=True)
class DekrDecoder:
    """Decodes up to ``animals`` animals; on the maps' own device, so that only poses leave it.

    ``snap`` moves a keypoint to the nearest of the ``animals`` highest peaks of its own map, if one is within ``reach``
    cells.  ``score`` of a keypoint is its map's value there (``heatmap``), the centre's (``center``) or their product
    (``combined``).  With ``suppress``, the best stays of poses with keypoints nearer than ``threshold`` of the pose's
    diagonal.
    """

    animals: int
    sigmoid: bool = False
    snap: bool = False
    clip: bool = True
    score: str = "combined"
    reach: float = 75
    threshold: float = 0.05
    suppress: bool = True

    def __call__(self, maps: Maps, stride: float) -> tuple[Tensor, Tensor]:
        """x, y and score (B, N, K, 3) in pixels of the network input, best centre first, and who is there (B, N)."""
        heat, offset = maps["heatmap"].float(), maps["offset"].float()
        if self.sigmoid:
            heat = heat.sigmoid()
        batch, parts, _, width = offset.shape[0], heat.shape[1] - 1, *heat.shape[2:]
        keypoints, centres = heat[:, :-1], local_maxima(heat[:, -1:])
        count = min(self.animals, centres[0].numel())
        confidence, cell = centres.flatten(1).topk(count)  # (B, N)
        place = torch.stack([cell % width, cell // width], -1)  # (B, N, 2), x then y
        ways = offset.reshape(batch, parts, 2, -1)
        ways = ways.gather(3, cell[:, None, None].expand(-1, parts, 2, -1)).permute(0, 3, 1, 2)  # (B, N, K, 2)
        pose = place[:, :, None] - ways
        if self.snap:
            keypoints = local_maxima(keypoints)
            pose = _snapped(pose, keypoints, self.reach)
        score = self._score(keypoints, pose, confidence)
        xy = pose * stride + stride / 2
        found = confidence > 0  # a place that is no peak has 0
        if self.suppress:
            found = found & ~find_duplicates(xy, self.threshold)
        return torch.cat([xy, score[..., None]], -1), found

    def _score(self, keypoints: Tensor, pose: Tensor, confidence: Tensor) -> Tensor:
        """(B, N, K) from keypoint maps (B, K, H, W), poses in cells and the centres' values (B, N)."""
        height, width = keypoints.shape[-2:]
        if self.score == "center":
            score = confidence[..., None].expand(pose.shape[:-1])
        else:
            column = pose[..., 0].floor().clamp(0, width - 1).long()
            row = pose[..., 1].floor().clamp(0, height - 1).long()
            cell = (row * width + column).transpose(1, 2)  # (B, K, N)
            score = keypoints.flatten(2).gather(2, cell).transpose(1, 2)
            if self.score == "combined":
                score = score * confidence[..., None]
        return score.clamp(0, 1) if self.clip else score


def local_maxima(maps: Tensor) -> Tensor:
    """Maps (B, C, H, W) with zeros where a cell is not the highest of its window."""
    highest = functional.max_pool2d(maps, WINDOW, stride=1, padding=WINDOW // 2)
    return torch.where(maps == highest, maps, 0.0)


def find_duplicates(xy: Tensor, threshold: float) -> Tensor:
    """Which of the poses (B, N, K, 2), best first, show an animal that a better pose shows already: (B, N).

    A pose does if more than ``threshold`` of its keypoints (so any, below 1) are nearer to those of the better one than
    ``threshold`` times the diagonal of its own box, in the same unit as the poses and at least 1.
    """
    diagonal = torch.linalg.vector_norm(xy.amax(2) - xy.amin(2), dim=-1).clamp(min=1)  # (B, N)
    apart = torch.linalg.vector_norm(xy[:, :, None] - xy[:, None], dim=-1)  # (B, better, worse, K)
    near = (apart < threshold * diagonal[:, None, :, None]).sum(-1) > threshold
    return near.triu(1).any(1)


def _snapped(pose: Tensor, keypoints: Tensor, reach: float) -> Tensor:
    """Poses (B, N, K, 2) in cells, moved to the nearest of the N highest peaks (B, K, H, W) if within ``reach``."""
    width = keypoints.shape[-1]
    value, cell = keypoints.flatten(2).topk(pose.shape[1])  # (B, K, N)
    peak = torch.stack([cell % width, cell // width], -1).float()
    distance = torch.linalg.vector_norm(peak[:, None] - pose[:, :, :, None], dim=-1)  # (B, N, K, N)
    nearest, which = torch.where(value[:, None] > 0, distance, torch.inf).min(-1)  # (B, N, K)
    peak = peak[:, None].expand(*pose.shape[:2], -1, -1, -1).gather(3, which[..., None, None].expand(-1, -1, -1, 1, 2))
    return torch.where((nearest < reach)[..., None], peak[..., 0, :], pose)
