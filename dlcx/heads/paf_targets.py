"""Where a part-affinity field should point: along the limb between two bodyparts of one animal.

Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields (CVPR 2017).
Shapes as in :mod:`dlcx.heads.heatmap_targets`; E edges of the skeleton.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from dlcx.heads.construct import construct
from dlcx.heads.heatmap_targets import TARGETS, Target, cell_centres
from dlcx.heads.labels import BatchLabels


class Targets(Protocol):
    """Draws labels into maps."""

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets by the map's name."""
        ...


@dataclass(frozen=True)
class FieldTargets:
    """Draws fields for the edges ``graph``, pairs of bodyparts.

    Within ``width`` pixels of the limb the field is its unit vector, weighted from 1 on the line to 0 at ``width``.
    """

    graph: tuple[tuple[int, int], ...]
    width: float

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Target ``paf`` (B, 2E, H, W), x before y of each edge; where animals overlap the last one is drawn."""
        x, y = cell_centres(height, width, stride, labels.keypoints.device)
        fields = [self._image(keypoints, x, y) for keypoints in labels.keypoints]  # one by one: they are large
        return {"paf": Target(torch.stack(fields), torch.ones((), device=x.device))}

    def _image(self, keypoints: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Field (2E, H, W) of the keypoints (N, K, 3) of one image."""
        first, second = torch.tensor(self.graph, device=x.device).reshape(-1, 2).T
        start, end = keypoints[:, first], keypoints[:, second]  # (N, E, 3)
        limb = end[..., :2] - start[..., :2]
        length = limb.norm(dim=-1)
        drawn = (start[..., 2] > 0) & (end[..., 2] > 0) & (length > 0)
        unit = torch.where(drawn[..., None], limb / length[..., None], 0.0)  # (N, E, 2)
        origin = torch.where(drawn[..., None], start[..., :2], 0.0)
        dx = x - origin[..., 0, None]  # (N, E, W)
        dy = y - origin[..., 1, None]  # (N, E, H)
        along = (unit[..., 0, None] * dx)[..., None, :] + (unit[..., 1, None] * dy)[..., :, None]  # (N, E, H, W)
        beside = ((unit[..., 1, None] * dx)[..., None, :] - (unit[..., 0, None] * dy)[..., :, None]).abs()
        near = (along >= 0) & (along <= length[..., None, None]) & (beside <= self.width) & drawn[..., None, None]
        order = torch.arange(1, len(keypoints) + 1, device=x.device)
        last = (near * order[:, None, None, None]).amax(0, keepdim=True)  # 0 for none, else 1 + the animal
        animal = (last - 1).clamp(min=0)
        weight = torch.where(last > 0, 1 - beside.gather(0, animal) / self.width, 0.0)[0]  # (E, H, W)
        edges = torch.arange(len(first), device=x.device)[:, None, None]
        vector = unit[animal[0], edges].movedim(-1, 1)  # (E, 2, H, W)
        return (vector * weight[:, None]).flatten(0, 1)


@dataclass(frozen=True)
class SeveralTargets:
    """What several generators draw, together."""

    generators: tuple[Targets, ...]

    def __call__(self, labels: BatchLabels, height: int, width: int, stride: float) -> dict[str, Target]:
        """Targets of all generators by the map's name."""
        drawn: dict[str, Target] = {}
        for generator in self.generators:
            drawn |= generator(labels, height, width, stride)
        return drawn


def _field(graph: Sequence[Sequence[int]], width: float) -> FieldTargets:
    """A block ``{type: PartAffinityFieldGenerator, ...}``."""
    return FieldTargets(tuple((first, second) for first, second in graph), width)


def _several(generators: Sequence[Mapping[str, Any]]) -> SeveralTargets:
    """A block ``{type: SequentialGenerator, ...}``."""
    blocks = [construct(block, PAF_TARGETS, f"target_generator.generators[{n}]") for n, block in enumerate(generators)]
    return SeveralTargets(tuple(blocks))


#: ``type`` of a block ``target_generator`` of a head with part-affinity fields.
PAF_TARGETS: dict[str, Callable[..., Targets]] = {
    **TARGETS,
    "PartAffinityFieldGenerator": _field,
    "SequentialGenerator": _several,
}
