"""Where a part-affinity field should point: along the limb between two bodyparts of one animal.

Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields (CVPR 2017).
Shapes as in :mod:`dlcx.heads.heatmap.targets`; E edges of the skeleton.
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
    """Draws fields for the edges ``graph``, pairs of bodyparts.

    Within ``width`` pixels of the limb the field is its unit vector, weighted from 1 on the line to 0 at ``width``.
    """

    graph: tuple[tuple[int, int], ...]
    width: float

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Target ``paf`` (B, 2E, H, W), x before y of each edge; where animals overlap the last one is drawn."""
        x, y = cell_centers(height, width, stride, labels.keypoints.device)
        fields = x.new_zeros(len(labels), 2 * len(self.graph), height, width)
        for keypoints, field in zip(labels.keypoints, fields, strict=True):  # image by image: the maps are large
            self._draw(keypoints, x, y, field.view(-1))
        return {"paf": Target(fields, torch.ones((), device=x.device))}

    def _draw(self, keypoints: Tensor, x: Tensor, y: Tensor, field: Tensor) -> None:
        """Draw keypoints (N, K, 3) of one image into its fields (2E H W,), looking at the C cells around limbs only."""
        limbs = self._limbs(keypoints)
        limb, row, column = _cells_around(limbs, x, y, self.width)  # (C,)
        dx, dy = x[column] - limbs.start[limb, 0], y[row] - limbs.start[limb, 1]
        unit = limbs.unit[limb]
        along = unit[:, 0] * dx + unit[:, 1] * dy
        beside = (unit[:, 1] * dx - unit[:, 0] * dy).abs()
        near = (along >= 0) & (along <= limbs.length[limb]) & (beside <= self.width)
        limb, unit, weight = limb[near], unit[near], 1 - beside[near] / self.width
        cell = (limbs.edge[limb] * len(y) + row[near]) * len(x) + column[near]
        place = limbs.animal[limb] + 1
        drawn = place.new_zeros(len(self.graph) * len(y) * len(x)).scatter_reduce(0, cell, place, "amax")
        last = drawn[cell] == place
        cells = len(y) * len(x)
        into = cell[last] + cell[last] // cells * cells  # of the edge's first map; its second one follows
        field[into], field[into + cells] = (unit[last] * weight[last, None]).unbind(1)

    def _limbs(self, keypoints: Tensor) -> Limbs:
        """The limbs of an image that have both ends and a length, by animal, then edge."""
        first, second = torch.tensor(self.graph, device=keypoints.device).reshape(-1, 2).T
        start, end = keypoints[:, first], keypoints[:, second]  # (N, E, 3)
        length = (end[..., :2] - start[..., :2]).norm(dim=-1)
        animal, edge = ((start[..., 2] > 0) & (end[..., 2] > 0) & (length > 0)).nonzero(as_tuple=True)
        start, end, length = start[animal, edge, :2], end[animal, edge, :2], length[animal, edge]
        return Limbs(animal, edge, start, end, length, (end - start) / length[:, None])


@dataclass(frozen=True)
class Limbs:
    """L limbs: ``animal``, ``edge``, ``length`` (L,); ``start``, ``end``, ``unit`` vector between them (L, 2)."""

    animal: Tensor
    edge: Tensor
    start: Tensor
    end: Tensor
    length: Tensor
    unit: Tensor


def _cells_around(limbs: Limbs, x: Tensor, y: Tensor, width: float) -> tuple[Tensor, Tensor, Tensor]:
    """Limb, row and column (C,) of all cells in the limbs' boxes, which reach ``width`` pixels beyond both ends."""
    low, high = torch.minimum(limbs.start, limbs.end) - width, torch.maximum(limbs.start, limbs.end) + width
    left, right = (torch.searchsorted(x, side[:, 0].contiguous(), right=r) for side, r in ((low, False), (high, True)))
    top, bottom = (torch.searchsorted(y, side[:, 1].contiguous(), right=r) for side, r in ((low, False), (high, True)))
    columns = right - left
    sizes = columns * (bottom - top)
    limb = torch.arange(len(sizes), device=x.device).repeat_interleave(sizes)
    place = torch.arange(len(limb), device=x.device) - (sizes.cumsum(0) - sizes)[limb]
    return limb, top[limb] + place // columns[limb], left[limb] + place % columns[limb]


@dataclass(frozen=True)
class SeveralTargets:
    """What several generators draw, together."""

    generators: tuple[TargetGenerator, ...]

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets of all generators by the map's name."""
        drawn: dict[str, Target] = {}
        for generator in self.generators:
            drawn |= generator(labels, height, width, stride)
        return drawn


def _field(graph: Sequence[Sequence[int]], width: float) -> PafTargets:
    """A block ``{type: PartAffinityFieldGenerator, ...}``."""
    return PafTargets(tuple((first, second) for first, second in graph), width)


def _several(generators: Sequence[Mapping[str, Any]]) -> SeveralTargets:
    """A block ``{type: SequentialGenerator, ...}``."""
    blocks = [
        build_from_config(block, PAF_TARGETS, f"target_generator.generators[{n}]") for n, block in enumerate(generators)
    ]
    return SeveralTargets(tuple(blocks))


#: ``type`` of a block ``target_generator`` of a head with part-affinity fields.
PAF_TARGETS: dict[str, Callable[..., TargetGenerator]] = {
    **TARGETS,
    "PartAffinityFieldGenerator": _field,
    "SequentialGenerator": _several,
}
