"""What DEKR's maps should be: Gaussians at keypoints and centres, and around each centre the way to its keypoints.

Geng et al., Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression (CVPR 2021), arXiv:2104.02300.
Cell (i, j) of a map of stride s stands for the pixel x = j s + s/2, y = i s + s/2 of the network input; here positions
are counted in cells.  Shapes: B images, N animals, K keypoints, H x W cells, M cells near a centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.targets import UNDEFINED, Target


@dataclass(frozen=True)
class DekrTargets:
    """Draws K keypoint maps, the map of the centres (the mean of an animal's visible keypoints) and 2 K offset maps.

    A Gaussian's deviation is ``radius`` / 2 pixels, a centre's ``radius``; heatmap cells beyond three of them weigh
    ``background``.  Offsets are drawn in the square of ``radius`` pixels around a centre.
    """

    keypoints: int
    radius: float
    background: float = 0.1

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets ``heatmap`` (B, K + 1, H, W) and ``offset`` (B, 2 K, H, W), x then y, for maps of that size."""
        labels = labels if labels.centres is not None else labels.with_centres()
        centres = cast(Tensor, labels.centres)  # (B, N, 3)
        points = torch.cat([labels.keypoints, centres[:, :, None]], 2)
        visible = points[..., 2] > 0  # (B, N, K + 1)
        cells = (torch.where(visible[..., None], points[..., :2], 0.0) - stride / 2) / stride
        size = torch.tensor([width, height], device=cells.device)
        drawn = visible & ((cells >= 0) & (cells < size)).all(-1)
        heatmap = self._heatmap(cells, drawn, points[..., 2] == UNDEFINED, height, width, stride)
        corner = (centres[..., :2].trunc() - stride / 2) / stride  # whole pixels, as DeepLabCut has it
        offset = self._offset(
            cells[:, :, :-1], drawn[:, :, :-1], corner, visible[..., -1], labels.area, height, width, stride
        )
        return {"heatmap": heatmap, "offset": offset}

    def _heatmap(
        self, cells: Tensor, drawn: Tensor, undefined: Tensor, height: int, width: int, stride: float
    ) -> Target:
        """Gaussians of points at ``cells`` (B, N, K + 1, 2), where ``drawn``; the highest counts."""
        animals, points = drawn.shape[1:]
        sigma = torch.full((points,), self.radius / 2 / stride, device=cells.device)
        sigma[-1] = self.radius / stride
        x, in_x = _bell(cells[..., 0], sigma, width)  # (B, N, K + 1, W)
        y, in_y = _bell(cells[..., 1], sigma, height)
        heat = (y * drawn[..., None])[..., :, None] * x[..., None, :]
        # an animal whose bodypart is undefined takes the weight of those before it
        order = torch.arange(1, animals + 1, device=cells.device)[:, None]
        last = (undefined * order).amax(1)  # (B, K + 1), 0 for none
        counts = drawn & (order > last[:, None])
        covered = torch.einsum("bnkh,bnkw->bkhw", (in_y & counts[..., None]).float(), in_x.float()) > 0
        floor = torch.where(last > 0, 0.0, self.background)[..., None, None]
        return Target(heat.amax(1), torch.where(covered, 1.0, floor))

    def _offset(
        self,
        cells: Tensor,
        drawn: Tensor,
        centre: Tensor,
        present: Tensor,
        area: Tensor,
        height: int,
        width: int,
        stride: float,
    ) -> Target:
        """From each keypoint at ``cells`` (B, N, K, 2) to the few cells around ``centre`` (B, N, 2)."""
        batch, _, parts = drawn.shape
        reach = self.radius / stride
        near_x = _between((centre[..., 0] - reach).trunc(), (centre[..., 0] + reach).trunc(), width)  # (B, N, W)
        near_y = _between((centre[..., 1] - reach).trunc(), (centre[..., 1] + reach).trunc(), height)
        near = near_y[..., :, None] & near_x[..., None, :] & present[..., None, None]  # (B, N, H, W)
        image, row, column = near.any(1).nonzero(as_tuple=True)  # (M,) each
        here = near[image, :, row, column]  # (M, N)
        owner = offset_owners(drawn[image] & here[..., None], area[image])  # (M, K)
        taken = (owner >= 0)[..., None]
        owner = owner.clamp(min=0)
        keypoints = cells[image].gather(1, owner[:, None, :, None].expand(-1, -1, -1, 2))[:, 0]  # (M, K, 2)
        place = torch.stack([column, row], -1)[:, None]  # (M, 1, 2)
        weight = area[image].gather(1, owner).clamp(min=1).rsqrt()[..., None]
        values = cells.new_zeros(batch, parts, 2, height, width)
        weights = torch.zeros_like(values)
        values[image, :, :, row, column] = torch.where(taken, place - keypoints, 0.0)
        weights[image, :, :, row, column] = torch.where(taken, weight, 0.0).expand(-1, -1, 2)
        return Target(values.flatten(1, 2), weights.flatten(1, 2))


def offset_owners(seen: Tensor, area: Tensor) -> Tensor:
    """Whose offset a keypoint's map holds in a cell near several centres: (M, K) index of the animal, -1 for none.

    ``seen`` (M, N, K) says which keypoints the animals near a cell show, ``area`` (M, N) how large the animals are.

    The smaller animal wins.  DeepLabCut notes one area a cell, not one a keypoint, and goes animal by animal, keypoint
    by keypoint: an animal that brings a keypoint which none before it had takes it, notes its own area, and so
    takes all its later keypoints too, even from a smaller animal.  This is that rule without going step by step.
    """
    held = seen.cumsum(1) - seen.int() > 0  # by an animal before
    fresh = seen & ~held
    new = fresh.any(-1).int()  # (M, N)
    run = new.cumsum(1)  # within a run the noted area only falls
    order = torch.arange(seen.shape[1], device=seen.device)
    before = (order[:, None] > order) & ((run - new)[..., :, None] == run[..., None, :]) & seen.any(-1)[..., None, :]
    noted = torch.where(before, area[..., None, :], torch.inf).amin(-1)  # (M, N)
    writes = seen & ((noted >= area)[..., None] | (fresh.cumsum(-1) > 0))
    return (writes * (order + 1)[:, None]).amax(1) - 1


def _bell(middle: Tensor, sigma: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """A Gaussian along an axis of ``size`` cells, (..., size), and where its window is; zero beyond."""
    cells = torch.arange(size, device=middle.device, dtype=torch.float32)
    window = _between((middle - 3 * sigma - 1).floor(), (middle + 3 * sigma + 2).ceil(), size)
    values = torch.exp(-(cells - middle[..., None]).square() / (2 * sigma[:, None].square()))
    return values * window, window


def _between(start: Tensor, stop: Tensor, size: int) -> Tensor:
    """Which of ``size`` cells are from ``start`` to before ``stop``: (..., size)."""
    cells = torch.arange(size, device=start.device)
    return (cells >= start[..., None]) & (cells < stop[..., None])
