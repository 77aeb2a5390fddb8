"""Targets of DEKR's maps: Gaussians at keypoints and centers, and offset vectors around each center.

Geng et al., Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression (CVPR 2021), arXiv:2104.02300.
The grid of cells is that of :mod:`dlcx.heads.targets`; positions here are counted in cells.
Shapes: B images, N animals, K keypoints, H x W cells, M cells near a center.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.targets import UNDEFINED, Target


@dataclass(frozen=True)
class _Grid:
    """Size of the maps in cells, and pixels of the network input per cell."""

    height: int
    width: int
    stride: float


@dataclass(frozen=True)
class DekrTargets:
    """Renders the score maps of keypoints and centers, and the maps of offset vectors.

    The center of an animal is the mean of its visible keypoints.

    Parameters
    ----------
    keypoints
        Number of keypoints K.
    radius
        In pixels of the network input: twice the standard deviation of a keypoint's Gaussian, once that of a
        center's, and half the side of the square around a center that holds offset vectors.
    background
        Weight of cells beyond three standard deviations of a Gaussian.
    """

    keypoints: int
    radius: float
    background: float = 0.1

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Return the targets ``heatmap`` (B, K + 1, H, W) and ``offset`` (B, 2K, H, W), x before y, in cells."""
        grid = _Grid(height, width, stride)
        labels = labels if labels.centers is not None else labels.with_centers()
        centers = cast(Tensor, labels.centers)  # (B, N, 3)
        points = torch.cat([labels.keypoints, centers[:, :, None]], 2)
        visible = points[..., 2] > 0  # (B, N, K + 1)
        cells = (torch.where(visible[..., None], points[..., :2], 0.0) - stride / 2) / stride
        size = torch.tensor([width, height], device=cells.device)
        inside = visible & ((cells >= 0) & (cells < size)).all(-1)
        heatmap = self._heatmap(cells, inside, points[..., 2] == UNDEFINED, grid)
        center_cells = (centers[..., :2].trunc() - stride / 2) / stride  # whole pixels, as in DeepLabCut
        near = self._near_centers(center_cells, visible[..., -1], grid)
        offset = self._offset(cells[:, :, :-1], inside[:, :, :-1], near, labels.area)
        return {"heatmap": heatmap, "offset": offset}

    def _heatmap(self, cells: Tensor, inside: Tensor, undefined: Tensor, grid: _Grid) -> Target:
        """Gaussians at ``cells`` (B, N, K + 1, 2) that are ``inside``; where they overlap the highest counts."""
        animals, points = inside.shape[1:]
        sigma = torch.full((points,), self.radius / 2 / grid.stride, device=cells.device)
        sigma[-1] = self.radius / grid.stride
        x, in_x = _gaussian(cells[..., 0], sigma, grid.width)  # (B, N, K + 1, W)
        y, in_y = _gaussian(cells[..., 1], sigma, grid.height)
        heat = (y * inside[..., None])[..., :, None] * x[..., None, :]
        # As in DeepLabCut, an animal with an undefined bodypart resets the weights of the animals before it.
        order = torch.arange(1, animals + 1, device=cells.device)[:, None]
        last_undefined = (undefined * order).amax(1)  # (B, K + 1), 0 for none
        counts = inside & (order > last_undefined[:, None])
        covered = torch.einsum("bnkh,bnkw->bkhw", (in_y & counts[..., None]).float(), in_x.float()) > 0
        background = torch.where(last_undefined > 0, 0.0, self.background)[..., None, None]
        return Target(heat.amax(1), torch.where(covered, 1.0, background))

    def _near_centers(self, centers: Tensor, present: Tensor, grid: _Grid) -> Tensor:
        """Cells (B, N, H, W) in the squares around centers (B, N, 2) of animals that are ``present``."""
        reach = self.radius / grid.stride
        near_x = _in_range((centers[..., 0] - reach).trunc(), (centers[..., 0] + reach).trunc(), grid.width)
        near_y = _in_range((centers[..., 1] - reach).trunc(), (centers[..., 1] + reach).trunc(), grid.height)
        return near_y[..., :, None] & near_x[..., None, :] & present[..., None, None]

    def _offset(self, cells: Tensor, inside: Tensor, near: Tensor, area: Tensor) -> Target:
        """Vectors from keypoints at ``cells`` (B, N, K, 2) to the cells ``near`` (B, N, H, W) the centers."""
        batch, _, parts = inside.shape
        image, row, column = near.any(1).nonzero(as_tuple=True)  # (M,) each
        here = near[image, :, row, column]  # (M, N)
        owner = offset_owners(inside[image] & here[..., None], area[image])  # (M, K)
        owned = (owner >= 0)[..., None]
        owner = owner.clamp(min=0)
        keypoints = cells[image].gather(1, owner[:, None, :, None].expand(-1, -1, -1, 2))[:, 0]  # (M, K, 2)
        cell = torch.stack([column, row], -1)[:, None]  # (M, 1, 2)
        weight = area[image].gather(1, owner).clamp(min=1).rsqrt()[..., None]
        values = cells.new_zeros(batch, parts, 2, *near.shape[2:])
        weights = torch.zeros_like(values)
        values[image, :, :, row, column] = torch.where(owned, cell - keypoints, 0.0)
        weights[image, :, :, row, column] = torch.where(owned, weight, 0.0).expand(-1, -1, 2)
        return Target(values.flatten(1, 2), weights.flatten(1, 2))


def offset_owners(visible: Tensor, area: Tensor) -> Tensor:
    """Decide which animal's offset vector a cell near several centers holds.

    The smaller animal wins, by a rule of DeepLabCut that depends on the order: it records one area per cell instead of
    one per keypoint, and visits the animals one by one, and of each the keypoints one by one. An animal with a
    keypoint that none before it has takes the cell for this keypoint and records its own area, and so takes all its
    later keypoints as well, even from a smaller animal. This function vectorizes that rule.

    Parameters
    ----------
    visible
        (M, N, K) bool: which keypoints of the animals near each cell are visible.
    area
        (M, N): area of the animals.

    Returns
    -------
    Tensor
        (M, K): index of the animal, -1 for none.
    """
    seen_before = visible.cumsum(1) - visible.int() > 0
    first = visible & ~seen_before
    is_first = first.any(-1).int()  # (M, N)
    run = is_first.cumsum(1)  # within a run the recorded area only decreases
    order = torch.arange(visible.shape[1], device=visible.device)
    same_run = (run - is_first)[..., :, None] == run[..., None, :]
    before = (order[:, None] > order) & same_run & visible.any(-1)[..., None, :]
    recorded = torch.where(before, area[..., None, :], torch.inf).amin(-1)  # (M, N)
    writes = visible & ((recorded >= area)[..., None] | (first.cumsum(-1) > 0))
    return (writes * (order + 1)[:, None]).amax(1) - 1


def _gaussian(mean: Tensor, sigma: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """A Gaussian along an axis of ``size`` cells (..., size), zero outside of a window, and the window."""
    cells = torch.arange(size, device=mean.device, dtype=torch.float32)
    window = _in_range((mean - 3 * sigma - 1).floor(), (mean + 3 * sigma + 2).ceil(), size)
    values = torch.exp(-(cells - mean[..., None]).square() / (2 * sigma[:, None].square()))
    return values * window, window


def _in_range(start: Tensor, stop: Tensor, size: int) -> Tensor:
    """Which of ``size`` cells are in the half-open range from ``start`` to ``stop``: (..., size)."""
    cells = torch.arange(size, device=start.device)
    return (cells >= start[..., None]) & (cells < stop[..., None])


def build_targets(num_joints: int, pos_dist_thresh: float, bg_weight: float = 0.1) -> DekrTargets:
    """Build the block ``{type: DEKRGenerator, ...}``."""
    return DekrTargets(num_joints, pos_dist_thresh, bg_weight)
