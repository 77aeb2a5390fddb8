"""Decoding of DEKR's maps: the best centers, and the keypoints at the ends of their offset vectors.

Geng et al. (CVPR 2021), arXiv:2104.02300. Shapes: B images, N candidates, K keypoints, H x W cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dlcx.errors import DlcxError, did_you_mean
from dlcx.heads.protocol import Maps

#: Side of the window, in cells, within which a peak is the maximum.
WINDOW = 5
#: How the score of a keypoint may be computed.
SCORE_TYPES = ("combined", "heatmap", "center")


@dataclass(frozen=True)
class DekrDecoder:
    """Decodes up to ``animals`` animals.

    Decoding runs on the device of the maps, so that only poses are transferred.

    Parameters
    ----------
    animals
        Maximum number of animals.
    sigmoid
        Apply a sigmoid to the score maps.
    snap
        Move keypoints to the nearest of the ``animals`` highest peaks of their score map, if it is within
        ``snap_distance``.
    clip
        Clip scores to the range from 0 to 1.
    score_type
        Score of a keypoint: its score map's value (``heatmap``), the center's (``center``), or their product
        (``combined``).
    snap_distance
        In cells.
    duplicate_threshold
        Distance between keypoints of duplicate poses, relative to the diagonal of a pose.
    remove_duplicates
        Keep only the best of duplicate poses (non-maximum suppression).
    """

    animals: int
    sigmoid: bool = False
    snap: bool = False
    clip: bool = True
    score_type: str = "combined"
    snap_distance: float = 75
    duplicate_threshold: float = 0.05
    remove_duplicates: bool = True

    def __call__(self, maps: Maps, stride: float) -> tuple[Tensor, Tensor]:
        """Decode the maps of B images.

        Parameters
        ----------
        maps
            ``heatmap`` (B, K + 1, H, W) and ``offset`` (B, 2K, H, W).
        stride
            Pixels of the network input per cell.

        Returns
        -------
        poses
            x, y and score (B, N, K, 3) in pixels of the network input, best center first.
        found
            (B, N) bool: which of the candidates are animals.
        """
        heat, offset = maps["heatmap"].float(), maps["offset"].float()
        if self.sigmoid:
            heat = heat.sigmoid()
        batch, parts, _, width = offset.shape[0], heat.shape[1] - 1, *heat.shape[2:]
        keypoints, centers = heat[:, :-1], local_maxima(heat[:, -1:])
        count = min(self.animals, centers[0].numel())
        center_score, index = centers.flatten(1).topk(count)  # (B, N)
        cell = torch.stack([index % width, index // width], -1)  # (B, N, 2), x then y
        vectors = offset.reshape(batch, parts, 2, -1)
        vectors = vectors.gather(3, index[:, None, None].expand(-1, parts, 2, -1)).permute(0, 3, 1, 2)  # (B, N, K, 2)
        pose = cell[:, :, None] - vectors
        if self.snap:
            keypoints = local_maxima(keypoints)
            pose = _snap_to_peaks(pose, keypoints, self.snap_distance)
        score = self._scores(keypoints, pose, center_score)
        xy = pose * stride + stride / 2
        found = center_score > 0  # cells that are not peaks are 0
        if self.remove_duplicates:
            found = found & ~find_duplicates(xy, self.duplicate_threshold)
        return torch.cat([xy, score[..., None]], -1), found

    def _scores(self, keypoints: Tensor, pose: Tensor, center_score: Tensor) -> Tensor:
        """(B, N, K) from score maps (B, K, H, W), poses in cells and the scores of the centers (B, N)."""
        height, width = keypoints.shape[-2:]
        if self.score_type == "center":
            score = center_score[..., None].expand(pose.shape[:-1])
        else:
            column = pose[..., 0].floor().clamp(0, width - 1).long()
            row = pose[..., 1].floor().clamp(0, height - 1).long()
            index = (row * width + column).transpose(1, 2)  # (B, K, N)
            score = keypoints.flatten(2).gather(2, index).transpose(1, 2)
            if self.score_type == "combined":
                score = score * center_score[..., None]
        return score.clamp(0, 1) if self.clip else score


def local_maxima(maps: Tensor) -> Tensor:
    """Set cells of maps (B, C, H, W) that are not the maximum of their window to zero."""
    maxima = functional.max_pool2d(maps, WINDOW, stride=1, padding=WINDOW // 2)
    return torch.where(maps == maxima, maps, 0.0)


def find_duplicates(xy: Tensor, threshold: float) -> Tensor:
    """Find poses that duplicate a better pose of the same image.

    A pose is a duplicate if the number of its keypoints that are close to those of the better pose exceeds
    ``threshold``; below 1, a single keypoint suffices. Close means nearer than ``threshold`` times the diagonal of the
    pose's own bounding box, which is at least 1 in the unit of ``xy``.

    Parameters
    ----------
    xy
        Poses (B, N, K, 2), best first.
    threshold
        Relative distance.

    Returns
    -------
    Tensor
        (B, N) bool.
    """
    diagonal = torch.linalg.vector_norm(xy.amax(2) - xy.amin(2), dim=-1).clamp(min=1)  # (B, N)
    distance = torch.linalg.vector_norm(xy[:, :, None] - xy[:, None], dim=-1)  # (B, better, worse, K)
    close = (distance < threshold * diagonal[:, None, :, None]).sum(-1) > threshold
    output: Tensor = close.triu(1).any(1)
    return output


def _snap_to_peaks(pose: Tensor, keypoints: Tensor, max_distance: float) -> Tensor:
    """Move poses (B, N, K, 2), in cells, to the nearest of the N highest peaks (B, K, H, W) within ``max_distance``."""
    width = keypoints.shape[-1]
    value, index = keypoints.flatten(2).topk(pose.shape[1])  # (B, K, N)
    peak = torch.stack([index % width, index // width], -1).float()
    distance = torch.linalg.vector_norm(peak[:, None] - pose[:, :, :, None], dim=-1)  # (B, N, K, N)
    nearest, which = torch.where(value[:, None] > 0, distance, torch.inf).min(-1)  # (B, N, K)
    peak = peak[:, None].expand(*pose.shape[:2], -1, -1, -1).gather(3, which[..., None, None].expand(-1, -1, -1, 1, 2))
    return torch.where((nearest < max_distance)[..., None], peak[..., 0, :], pose)


def build_decoder(
    num_animals: int,
    apply_sigmoid: bool = True,
    use_heatmap: bool = True,
    clip_scores: bool = False,
    keypoint_score_type: str = "combined",
    max_absorb_distance: float = 75,
    nms_threshold: float = 0.05,
    apply_pose_nms: bool = True,
    detection_threshold: float = 0.01,
) -> DekrDecoder:
    """Build the block ``{type: DEKRPredictor, ...}``; ``detection_threshold`` has no effect, as in DeepLabCut.

    Raises
    ------
    DlcxError
        If ``keypoint_score_type`` is unknown.
    """
    if keypoint_score_type not in SCORE_TYPES:
        hint = did_you_mean(keypoint_score_type, SCORE_TYPES)
        raise DlcxError(f"predictor.keypoint_score_type: unknown '{keypoint_score_type}'", hint=hint)
    return DekrDecoder(
        animals=num_animals,
        sigmoid=apply_sigmoid,
        snap=use_heatmap,
        clip=clip_scores,
        score_type=keypoint_score_type,
        snap_distance=max_absorb_distance,
        duplicate_threshold=nms_threshold,
        remove_duplicates=apply_pose_nms,
    )
