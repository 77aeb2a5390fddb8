"""Decoding of score maps and part-affinity fields: peaks, and how well the fields link pairs of them.

Cao et al., OpenPose (CVPR 2017); Lauer et al. (Nature Methods 2022). Peaks and affinities are computed on the device of
the maps. Shapes: B images, K bodyparts, E edges of the skeleton, H x W cells, P peaks of all images, Q pairs of peaks.
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

#: Minimum score of a peak.
MIN_PEAK_SCORE = 0.01
#: Number of points between two peaks at which the field is sampled.
SAMPLES = 10


@dataclass(frozen=True)
class Peaks:
    """Local maxima of score maps, ordered by image, bodypart, row and column: all (P,)."""

    image: Tensor
    part: Tensor
    row: Tensor
    column: Tensor
    score: Tensor

    def __getitem__(self, index: Tensor) -> Peaks:
        return Peaks(*(value[index] for value in (self.image, self.part, self.row, self.column, self.score)))


@dataclass(frozen=True)
class PafDecoder:
    """Decodes the maps of a head with part-affinity fields.

    Parameters
    ----------
    bodyparts
        Number of bodyparts K.
    graph
        The E edges of the skeleton, pairs of bodyparts.
    edges
        Indices of the edges that are used.
    assembler
        Assembles animals from joints.
    radius
        A peak is the maximum of ``radius`` x ``radius`` cells (odd). Scores are smoothed over ``2 radius + 1`` cells.
    sigma
        Standard deviation of the smoothing, in cells.
    locref_std
        Pixels per unit of the offsets.
    sigmoid
        Apply a sigmoid to the score maps.
    clip
        Clip scores to the range from 0 to 1.
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
        """Return the animals in each of the B images, in pixels of the network input."""
        return [self.assembler(detections) for detections in self.detect(maps, stride, self.assembler.max_joints)]

    def detect(self, maps: Maps, stride: float, max_joints: int | None = None) -> list[JointDetections]:
        """Find the joints of each image and the affinities of their pairs.

        Parameters
        ----------
        maps
            ``heatmap`` (B, K, H, W), ``locref`` (B, 2K, H, W) and ``paf`` (B, 2E, H, W).
        stride
            Pixels of the network input per cell.
        max_joints
            Keep only so many joints of each bodypart, those with the highest scores; None for all.

        Returns
        -------
        list of JointDetections
            One per image, in pixels of the network input.
        """
        heat, locref, paf = (maps[name].detach().float() for name in ("heatmap", "locref", "paf"))
        peaks = self.peaks(heat)
        if max_joints is not None:
            peaks = peaks[top_scores(peaks.image * self.bodyparts + peaks.part, peaks.score, max_joints)]
        counts = torch.bincount(peaks.image * self.bodyparts + peaks.part, minlength=len(heat) * self.bodyparts)
        first, second, edge = self._pairs(counts.reshape(len(heat), self.bodyparts))
        affinity = affinities(paf, peaks, first, second, edge)
        xy = self._positions(locref, peaks, stride)
        return self._split_by_image(counts, xy, peaks.score, affinity)

    def peaks(self, heat: Tensor) -> Peaks:
        """Find the peaks of score maps (B, K, H, W)."""
        heat = gaussian_blur(heat.sigmoid() if self.sigmoid else heat, 2 * self.radius + 1, self.sigma)
        is_peak = (heat == window_maximum(heat, self.radius)) & (heat >= MIN_PEAK_SCORE)
        image, part, row, column = is_peak.nonzero(as_tuple=True)
        score = heat[image, part, row, column]
        return Peaks(image, part, row, column, score.clamp(0, 1) if self.clip else score)

    def _positions(self, locref: Tensor, peaks: Peaks, stride: float) -> Tensor:
        """x and y (P, 2) of the peaks in pixels of the network input."""
        offsets = locref.unflatten(1, (self.bodyparts, 2))[peaks.image, peaks.part, :, peaks.row, peaks.column]
        cells = torch.stack([peaks.column, peaks.row], -1)
        output: Tensor = cells * stride + stride // 2 + offsets * self.locref_std
        return output

    def _pairs(self, counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Peaks ``first`` and ``second`` of all pairs that an edge may link, and the index of that edge: all (Q,).

        ``counts`` (B, K) are the numbers of peaks. Pairs are ordered by image, used edge, first and second peak.
        """
        graph = torch.tensor(self.graph, device=counts.device).reshape(-1, 2)
        used = torch.tensor(self.edges, device=counts.device, dtype=torch.long)
        parts = graph[used]  # (used, 2)
        sizes = counts[:, parts]  # (B, used, 2)
        starts = (counts.flatten().cumsum(0) - counts.flatten()).reshape(counts.shape)[:, parts]
        pairs = sizes.prod(-1).flatten()
        group = torch.arange(len(pairs), device=counts.device).repeat_interleave(pairs)
        index = torch.arange(len(group), device=counts.device) - (pairs.cumsum(0) - pairs)[group]
        width = sizes[..., 1].flatten()[group]
        first = starts[..., 0].flatten()[group] + index // width
        second = starts[..., 1].flatten()[group] + index % width
        return first, second, used.repeat(len(counts))[group]

    def _split_by_image(self, counts: Tensor, xy: Tensor, score: Tensor, affinity: Tensor) -> list[JointDetections]:
        sizes = counts.reshape(-1, self.bodyparts).cpu().numpy()  # (B, K)
        xy_, score_, affinity_ = (value.cpu().numpy() for value in (xy, score, affinity))
        first, second = np.array([self.graph[edge] for edge in self.edges], int).reshape(-1, 2).T
        peaks = np.split(np.arange(len(score_)), np.cumsum(sizes.sum(1))[:-1])
        pairs = np.split(affinity_, np.cumsum((sizes[:, first] * sizes[:, second]).sum(1))[:-1])
        return [
            JointDetections(count, xy_[index], score_[index], pair_affinity)
            for count, index, pair_affinity in zip(sizes, peaks, pairs, strict=True)
        ]


def gaussian_blur(heat: Tensor, size: int, sigma: float) -> Tensor:
    """Blur score maps (B, K, H, W) by a Gaussian of ``sigma`` cells, truncated to ``size`` x ``size`` cells.

    A two-dimensional kernel, although a separable one is faster: scores then equal DeepLabCut's to the last bit, so
    that the same one of two equal peaks is found.
    """
    distance = np.arange(size) - size // 2
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    kernel = torch.from_numpy((weights / weights.sum()).astype(np.float32)).to(heat.device)
    kernel = kernel[:, None] * kernel
    maps = heat.shape[1]
    return functional.conv2d(heat, kernel.expand(maps, 1, size, size), padding=size // 2, groups=maps)


def window_maximum(heat: Tensor, size: int) -> Tensor:
    """Return the maximum of the ``size`` x ``size`` cells around each cell (B, K, H, W).

    Equals max pooling with stride 1, and is much faster on a CPU.
    """
    for dimension in (2, 3):
        sides = [0, 0, 0, 0]
        sides[6 - 2 * dimension : 8 - 2 * dimension] = [size // 2] * 2
        padded = functional.pad(heat, sides, value=-torch.inf)
        shifted = [padded.narrow(dimension, start, heat.shape[dimension]) for start in range(size)]
        heat = functools.reduce(torch.maximum, shifted)
    return heat


def top_scores(group: Tensor, score: Tensor, count: int) -> Tensor:
    """Return the indices, in order, of the ``count`` highest scores of each group; of equal scores the first."""
    order = score.argsort(descending=True, stable=True)
    order = order[group[order].argsort(stable=True)]
    sizes = torch.bincount(group)
    rank = torch.arange(len(order), device=order.device) - (sizes.cumsum(0) - sizes)[group[order]]
    return order[rank < count].sort().values


def affinities(paf: Tensor, peaks: Peaks, first: Tensor, second: Tensor, edge: Tensor) -> Tensor:
    """Score how well the fields point from one peak to another.

    The field is integrated along the line between the peaks by the trapezoidal rule, separately for x and y; the
    affinity is the length of this integral divided by the distance of the peaks.

    Parameters
    ----------
    paf
        Fields (B, 2E, H, W).
    peaks
        The P peaks.
    first, second
        Indices (Q,) of the two peaks of each pair.
    edge
        Index (Q,) of the edge between them.

    Returns
    -------
    Tensor
        (Q,), about 0 to 1, rounded to 3 decimals.
    """
    cells = torch.stack([peaks.column, peaks.row], -1)  # (P, 2)
    start, vector = cells[first, :, None], (cells[second] - cells[first])[..., None]  # (Q, 2, 1)
    fraction = torch.arange(SAMPLES, device=paf.device, dtype=torch.float32) / (SAMPLES - 1)
    points = (fraction * vector + start).long()  # (Q, 2, SAMPLES), rounded down as in DeepLabCut
    column, row = points[:, 0], points[:, 1]
    fields = paf.unflatten(1, (-1, 2))[peaks.image[first, None], edge[:, None], :, row, column]  # (Q, SAMPLES, 2)
    integral = torch.trapezoid(fields.movedim(-1, 1), points.float())  # (Q, 2)
    distance = vector[..., 0].float().norm(dim=-1)
    affinity = integral.norm(dim=-1) / (distance + torch.finfo(torch.float32).eps)
    output: Tensor = (affinity * 1000).round() / 1000
    return output


def build_decoder(predictor: Mapping[str, Any], where: str) -> PafDecoder:
    """Build the block ``{type: PartAffinityFieldPredictor, ...}``, which is at ``where`` in pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If a key is unknown or a value is not valid.
    """
    for edge in predictor.get("edges_to_keep", ()):
        if not 0 <= edge < len(predictor.get("graph", ())):
            raise DlcxError(f"{where}.edges_to_keep: expected numbers below {len(predictor['graph'])}, got {edge}")
    block: _PredictorBlock = build_from_config(predictor, {"PartAffinityFieldPredictor": _PredictorBlock}, where)
    if block.nms_radius < 1 or block.nms_radius % 2 == 0:
        raise DlcxError(f"{where}.nms_radius: expected an odd number of cells, got {block.nms_radius}")
    return block.decoder()


@dataclass(frozen=True)
class _PredictorBlock:
    """Keys of the block; ``num_uniquebodyparts`` has no effect, because unique bodyparts have their own head."""

    num_animals: int
    num_multibodyparts: int
    graph: Sequence[Sequence[int]]
    edges_to_keep: Sequence[int]
    num_uniquebodyparts: int = 0
    locref_stdev: float = 7.2801
    nms_radius: int = 5
    sigma: float = 1.0
    min_affinity: float = 0.05
    add_discarded: bool = False
    apply_sigmoid: bool = True
    clip_scores: bool = False
    force_fusion: bool = False

    def decoder(self) -> PafDecoder:
        graph = tuple((first, second) for first, second in self.graph)
        assembler = Assembler(
            bodyparts=self.num_multibodyparts,
            graph=tuple(graph[edge] for edge in self.edges_to_keep),
            animals=self.num_animals,
            min_affinity=self.min_affinity,
            add_discarded=self.add_discarded,
            force_fusion=self.force_fusion,
        )
        return PafDecoder(
            bodyparts=self.num_multibodyparts,
            graph=graph,
            edges=tuple(self.edges_to_keep),
            assembler=assembler,
            radius=self.nms_radius,
            sigma=self.sigma,
            locref_std=self.locref_stdev,
            sigmoid=self.apply_sigmoid,
            clip=self.clip_scores,
        )
