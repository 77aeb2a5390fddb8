"""Peaks of score maps and how well the fields link pairs of them; on the maps' own device.

Shapes: B images, K bodyparts, E edges of the skeleton, H x W cells, P peaks of all images, Q pairs of peaks.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.paf.assembly import Assembler
from dlcx.heads.paf.linking import JointDetections
from dlcx.heads.protocol import Maps
from dlcx.poses import Instances

#: Score below which a local maximum is no peak.
FAINT = 0.01
#: Points of the field that are looked at between two peaks.
SAMPLES = 10


@dataclass(frozen=True)
class Peaks:
    """Local maxima by image, then bodypart, then row and column: all (P,)."""

    image: Tensor
    part: Tensor
    row: Tensor
    column: Tensor
    score: Tensor

    def __getitem__(self, chosen: Tensor) -> Peaks:
        return Peaks(*(value[chosen] for value in (self.image, self.part, self.row, self.column, self.score)))


@dataclass(frozen=True)
class PafDecoder:
    """From the maps of a head with part-affinity fields to animals.

    ``graph`` are the E edges of the skeleton, ``edges`` the places of those that are used.  Scores are smoothed over
    ``2 radius + 1`` cells; a peak is the highest of ``radius`` x ``radius`` cells (odd).
    """

    bodyparts: int
    graph: tuple[tuple[int, int], ...]
    edges: tuple[int, ...]
    assembler: Assembler
    radius: int = 5
    sigma: float = 1.0
    locref_std: float = 7.2801
    sigmoid: bool = True
    clip: bool = False

    def __call__(self, maps: Maps, stride: float) -> list[Instances]:
        """The animals of each of the B images, in pixels of the network input."""
        return [self.assembler(detections) for detections in self.detect(maps, stride, self.assembler.max_joints)]

    def detect(self, maps: Maps, stride: float, most: int | None = None) -> list[JointDetections]:
        """Peaks of each image, the ``most`` certain ones of each bodypart or all, and the affinity of their pairs."""
        heat, locref, paf = (maps[name].detach().float() for name in ("heatmap", "locref", "paf"))
        peaks = self.peaks(heat)
        if most is not None:
            peaks = peaks[top_scores(peaks.image * self.bodyparts + peaks.part, peaks.score, most)]
        counts = torch.bincount(peaks.image * self.bodyparts + peaks.part, minlength=len(heat) * self.bodyparts)
        first, second, edge = self._pairs(counts.reshape(len(heat), self.bodyparts))
        affinity = affinities(paf, peaks, first, second, edge)
        xy = self._places(locref, peaks, stride)
        return self._split(counts, xy, peaks.score, affinity)

    def peaks(self, heat: Tensor) -> Peaks:
        """Peaks of score maps (B, K, H, W)."""
        heat = gaussian_blur(heat.sigmoid() if self.sigmoid else heat, 2 * self.radius + 1, self.sigma)
        top = (heat == window_maximum(heat, self.radius)) & (heat >= FAINT)
        image, part, row, column = top.nonzero(as_tuple=True)
        score = heat[image, part, row, column]
        return Peaks(image, part, row, column, score.clamp(0, 1) if self.clip else score)

    def _places(self, locref: Tensor, peaks: Peaks, stride: float) -> Tensor:
        """x and y (P, 2) of the peaks in pixels of the network input."""
        offsets = locref.unflatten(1, (self.bodyparts, 2))[peaks.image, peaks.part, :, peaks.row, peaks.column]
        cells = torch.stack([peaks.column, peaks.row], -1)
        return cells * stride + stride // 2 + offsets * self.locref_std

    def _pairs(self, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Peaks ``first`` and ``second`` (Q,) of all pairs that an edge may link, and that ``edge`` (Q,).

        ``counts`` (B, K) says how many peaks there are; pairs are ordered by image, used edge, first and second peak.
        """
        graph = torch.tensor(self.graph, device=counts.device).reshape(-1, 2)
        used = torch.tensor(self.edges, device=counts.device, dtype=torch.long)
        parts = graph[used]  # (used, 2)
        sizes = counts[:, parts]  # (B, used, 2)
        starts = (counts.flatten().cumsum(0) - counts.flatten()).reshape(counts.shape)[:, parts]
        number = sizes.prod(-1).flatten()
        group = torch.arange(len(number), device=counts.device).repeat_interleave(number)
        place = torch.arange(len(group), device=counts.device) - (number.cumsum(0) - number)[group]
        width = sizes[..., 1].flatten()[group]
        first = starts[..., 0].flatten()[group] + place // width
        second = starts[..., 1].flatten()[group] + place % width
        return first, second, used.repeat(len(counts))[group]

    def _split(self, counts: Tensor, xy: Tensor, score: Tensor, affinity: Tensor) -> list[JointDetections]:
        """Detections of each image, from the peaks and pairs of all."""
        sizes = counts.reshape(-1, self.bodyparts).cpu().numpy()  # (B, K)
        xy_, score_, affinity_ = (value.cpu().numpy() for value in (xy, score, affinity))
        first, second = np.array([self.graph[edge] for edge in self.edges], int).reshape(-1, 2).T
        peaks = np.split(np.arange(len(score_)), np.cumsum(sizes.sum(1))[:-1])
        pairs = np.split(affinity_, np.cumsum((sizes[:, first] * sizes[:, second]).sum(1))[:-1])
        return [
            JointDetections(count, xy_[mine], score_[mine], own)
            for count, mine, own in zip(sizes, peaks, pairs, strict=True)
        ]


def gaussian_blur(heat: Tensor, size: int, sigma: float) -> Tensor:
    """Score maps (B, K, H, W) blurred by a Gaussian of ``sigma`` cells, cut to ``size`` x ``size`` cells.

    In one pass, not row by row: so scores equal DeepLabCut's to the last bit, and of two alike peaks the same one wins.
    """
    distance = np.arange(size) - size // 2
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    kernel = torch.from_numpy((weights / weights.sum()).astype(np.float32)).to(heat.device)
    kernel = kernel[:, None] * kernel
    maps = heat.shape[1]
    return functional.conv2d(heat, kernel.expand(maps, 1, size, size), padding=size // 2, groups=maps)


def window_maximum(heat: Tensor, size: int) -> Tensor:
    """The highest of ``size`` x ``size`` scores around each cell (B, K, H, W); much faster than pooling on a CPU."""
    for dimension in (2, 3):
        sides = [0, 0, 0, 0]
        sides[6 - 2 * dimension : 8 - 2 * dimension] = [size // 2] * 2
        padded = functional.pad(heat, sides, value=-torch.inf)
        shifted = [padded.narrow(dimension, start, heat.shape[dimension]) for start in range(size)]
        heat = functools.reduce(torch.maximum, shifted)
    return heat


def top_scores(group: Tensor, score: Tensor, most: int) -> Tensor:
    """Places (<= P,) of the ``most`` highest scores of each group, in order; of equal scores the first are taken."""
    order = score.argsort(descending=True, stable=True)
    order = order[group[order].argsort(stable=True)]
    counts = torch.bincount(group)
    rank = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[group[order]]
    return order[rank < most].sort().values


def affinities(paf: Tensor, peaks: Peaks, first: Tensor, second: Tensor, edge: Tensor) -> Tensor:
    """How well the fields (B, 2E, H, W) point from one peak to another, for Q pairs: (Q,), about 0 to 1, 3 decimals.

    The field along the line between the peaks, integrated by the trapezoid rule for x and y on their own, then the
    length of that integral by the distance of the peaks.
    """
    ends = torch.stack([peaks.column, peaks.row], -1)  # (P, 2)
    start, way = ends[first, :, None], (ends[second] - ends[first])[..., None]  # (Q, 2, 1)
    share = torch.arange(SAMPLES, device=paf.device, dtype=torch.float32) / (SAMPLES - 1)
    points = (share * way + start).long()  # (Q, 2, SAMPLES), rounded down as DeepLabCut does
    column, row = points[:, 0], points[:, 1]
    fields = paf.unflatten(1, (-1, 2))[peaks.image[first, None], edge[:, None], :, row, column]  # (Q, SAMPLES, 2)
    integral = torch.trapezoid(fields.movedim(-1, 1), points.float())  # (Q, 2)
    distance = way[..., 0].float().norm(dim=-1)
    affinity = integral.norm(dim=-1) / (distance + torch.finfo(torch.float32).eps)
    return (affinity * 1000).round() / 1000


def build_decoder(predictor: Mapping[str, Any], where: str) -> PafDecoder:
    """A block ``{type: PartAffinityFieldPredictor, ...}`` at the place ``where``."""
    for edge in predictor.get("edges_to_keep", ()):
        if not 0 <= edge < len(predictor.get("graph", ())):
            raise DlcxError(f"{where}.edges_to_keep: expected numbers below {len(predictor['graph'])}, got {edge}")
    decoder: PafDecoder = build_from_config(predictor, {"PartAffinityFieldPredictor": _field_decoder}, where)
    if decoder.radius < 1 or decoder.radius % 2 == 0:
        raise DlcxError(f"{where}.nms_radius: expected an odd number of cells, got {decoder.radius}")
    return decoder


def _field_decoder(
    num_animals: int,
    num_multibodyparts: int,
    graph: Sequence[Sequence[int]],
    edges_to_keep: Sequence[int],
    num_uniquebodyparts: int = 0,
    locref_stdev: float = 7.2801,
    nms_radius: int = 5,
    sigma: float = 1.0,
    min_affinity: float = 0.05,
    add_discarded: bool = False,
    apply_sigmoid: bool = True,
    clip_scores: bool = False,
    force_fusion: bool = False,
) -> PafDecoder:
    """See :class:`FieldDecoder`; ``num_uniquebodyparts`` have a head of their own."""
    pairs = tuple((first, second) for first, second in graph)
    assembler = Assembler(
        bodyparts=num_multibodyparts,
        graph=tuple(pairs[edge] for edge in edges_to_keep),
        animals=num_animals,
        min_affinity=min_affinity,
        add_discarded=add_discarded,
        force_fusion=force_fusion,
    )
    return PafDecoder(
        bodyparts=num_multibodyparts,
        graph=pairs,
        edges=tuple(edges_to_keep),
        assembler=assembler,
        radius=nms_radius,
        sigma=sigma,
        locref_std=locref_stdev,
        sigmoid=apply_sigmoid,
        clip=clip_scores,
    )
