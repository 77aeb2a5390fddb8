"""Targets of part-affinity fields: unit vectors along the limb between two bodyparts of an animal.

Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields (CVPR 2017).
The grid of cells is that of :mod:`dlcx.heads.targets`.
Shapes: B images, N animals, K keypoints, E edges of the skeleton, H x W cells, L limbs, C cells around limbs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.heatmap.targets import TARGETS
from dlcx.heads.targets import Target, TargetGenerator, cell_centers


@dataclass(frozen=True)
class PafTargets:
    """Renders one field per edge of the skeleton.

    Parameters
    ----------
    graph
        The E edges, pairs of bodyparts.
    width
        Half the width of a limb in pixels of the network input. Within it the field is the limb's unit vector times a
        weight that falls from 1 on the limb to 0 at ``width``.
    """

    graph: tuple[tuple[int, int], ...]
    width: float

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Return the target ``paf`` (B, 2E, H, W), x before y of each edge; of overlapping limbs the last counts."""
        x, y = cell_centers(height, width, stride, labels.keypoints.device)
        fields = x.new_zeros(len(labels), 2 * len(self.graph), height, width)
        for keypoints, field in zip(labels.keypoints, fields, strict=True):  # one by one, because fields are large
            self._render(keypoints, x, y, field.view(-1))
        return {"paf": Target(fields, torch.ones((), device=x.device))}

    def _render(self, keypoints: Tensor, x: Tensor, y: Tensor, field: Tensor) -> None:
        """Render keypoints (N, K, 3) of one image into its fields (2E H W,), visiting only cells around limbs."""
        limbs = self._limbs(keypoints)
        limb, row, column = _cells_around(limbs, x, y, self.width)  # (C,)
        dx, dy = x[column] - limbs.start[limb, 0], y[row] - limbs.start[limb, 1]
        unit = limbs.unit[limb]
        along = unit[:, 0] * dx + unit[:, 1] * dy
        across = (unit[:, 1] * dx - unit[:, 0] * dy).abs()
        near = (along >= 0) & (along <= limbs.length[limb]) & (across <= self.width)
        limb, unit, weight = limb[near], unit[near], 1 - across[near] / self.width
        cell = (limbs.edge[limb] * len(y) + row[near]) * len(x) + column[near]
        order = limbs.animal[limb] + 1
        last_order = order.new_zeros(len(self.graph) * len(y) * len(x)).scatter_reduce(0, cell, order, "amax")
        last = last_order[cell] == order
        cells = len(y) * len(x)
        index = cell[last] + cell[last] // cells * cells  # in the x map of the edge, which its y map follows
        field[index], field[index + cells] = (unit[last] * weight[last, None]).unbind(1)

    def _limbs(self, keypoints: Tensor) -> Limbs:
        """The limbs of an image with two visible ends and a length above 0, by animal, then edge."""
        first, second = torch.tensor(self.graph, device=keypoints.device).reshape(-1, 2).T
        start, end = keypoints[:, first], keypoints[:, second]  # (N, E, 3)
        length = (end[..., :2] - start[..., :2]).norm(dim=-1)
        animal, edge = ((start[..., 2] > 0) & (end[..., 2] > 0) & (length > 0)).nonzero(as_tuple=True)
        start, end, length = start[animal, edge, :2], end[animal, edge, :2], length[animal, edge]
        return Limbs(animal, edge, start, end, length, (end - start) / length[:, None])


@dataclass(frozen=True)
class Limbs:
    """L limbs: ``animal``, ``edge`` and ``length`` (L,); ``start``, ``end`` and ``unit`` vector (L, 2)."""

    animal: Tensor
    edge: Tensor
    start: Tensor
    end: Tensor
    length: Tensor
    unit: Tensor


def _cells_around(limbs: Limbs, x: Tensor, y: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
    """Limb, row and column (C,) of all cells in the bounding boxes of limbs, extended by ``margin`` pixels."""
    low, high = torch.minimum(limbs.start, limbs.end) - margin, torch.maximum(limbs.start, limbs.end) + margin
    left, right = (torch.searchsorted(x, side[:, 0].contiguous(), right=r) for side, r in ((low, False), (high, True)))
    top, bottom = (torch.searchsorted(y, side[:, 1].contiguous(), right=r) for side, r in ((low, False), (high, True)))
    columns = right - left
    sizes = columns * (bottom - top)
    limb = torch.arange(len(sizes), device=x.device).repeat_interleave(sizes)
    index = torch.arange(len(limb), device=x.device) - (sizes.cumsum(0) - sizes)[limb]
    return limb, top[limb] + index // columns[limb], left[limb] + index % columns[limb]


@dataclass(frozen=True)
class CombinedTargets:
    """Combines the targets of several generators."""

    generators: tuple[TargetGenerator, ...]

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Return the targets of all generators by the map's name."""
        targets: dict[str, Target] = {}
        for generator in self.generators:
            targets |= generator(labels, height, width, stride)
        return targets


def _build_paf_targets(graph: Sequence[Sequence[int]], width: float) -> PafTargets:
    """Build the block ``{type: PartAffinityFieldGenerator, ...}``."""
    return PafTargets(tuple((first, second) for first, second in graph), width)


def _build_combined_targets(generators: Sequence[Mapping[str, Any]]) -> CombinedTargets:
    """Build the block ``{type: SequentialGenerator, ...}``."""
    return CombinedTargets(
        tuple(
            build_from_config(block, PAF_TARGETS, f"target_generator.generators[{index}]")
            for index, block in enumerate(generators)
        )
    )


#: ``type`` of a block ``target_generator`` of a head with part-affinity fields.
PAF_TARGETS: dict[str, Callable[..., TargetGenerator]] = {
    **TARGETS,
    "PartAffinityFieldGenerator": _build_paf_targets,
    "SequentialGenerator": _build_combined_targets,
}
