"""Links between the joints of an image: which pairs of detections, edge by edge, belong to one animal.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
Shapes: K bodyparts, J joints, L links, E edges of the skeleton, N joints per bodypart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class JointDetections:
    """Joints of one image, ordered by bodypart, and the affinities of their pairs.

    Parameters
    ----------
    counts
        (K,): number of joints of each bodypart.
    xy, score
        (J, 2) and (J,).
    affinity
        For each used edge in turn, the affinities of all pairs of its joints; the second joint varies fastest.
    identity
        (J, A): scores of the A individuals, if known.
    """

    counts: np.ndarray
    xy: np.ndarray
    score: np.ndarray
    affinity: np.ndarray
    identity: np.ndarray | None = None

    @property
    def part(self) -> np.ndarray:
        """Bodypart (J,) of each joint."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def starts(self) -> np.ndarray:
        """Index (K,) of the first joint of each bodypart."""
        return np.asarray(self.counts.cumsum() - self.counts)

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True)
class Links:
    """Pairs of joints ``first`` and ``second`` (L,) and their affinities (L,)."""

    first: np.ndarray
    second: np.ndarray
    affinity: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: np.ndarray) -> Links:
        return Links(self.first[index], self.second[index], self.affinity[index])


Graph = Sequence[tuple[int, int]]


def optimal_links(
    detections: JointDetections, graph: Graph, *, max_links: int, pcutoff: float, min_affinity: float
) -> Links:
    """Link, for each edge, the pairs with the highest total affinity (optimal assignment).

    Parameters
    ----------
    detections
        Joints of an image.
    graph
        Edges, in the order of ``detections.affinity``.
    max_links
        Maximum number of links per edge: only so many joints of each bodypart, those with the highest scores, are
        considered.
    pcutoff
        Minimum score of a joint.
    min_affinity
        Minimum affinity of a link.
    """
    joints, number = _best_joints(detections, max_links, pcutoff)  # (K, N), (K,)
    first, second = np.array(graph, int).reshape(-1, 2).T
    rows, columns = number[first], number[second]  # (E,)
    valid = (np.arange(max_links) < rows[:, None])[:, :, None] & (np.arange(max_links) < columns[:, None])[:, None]
    local = np.where(joints < 0, 0, joints - detections.starts[:, None])
    width = detections.counts[second]
    edge_start = (detections.counts[first] * width).cumsum() - detections.counts[first] * width
    index = edge_start[:, None, None] + local[first][:, :, None] * width[:, None, None] + local[second][:, None]
    affinity = np.full(index.shape, -1.0)  # (E, N, N)
    affinity[valid] = np.nan_to_num(detections.affinity[index[valid]])
    edge, row, column = _assign(affinity, rows, columns)
    links = Links(joints[first[edge], row], joints[second[edge], column], affinity[edge, row, column])
    return links[links.affinity >= min_affinity]


def greedy_links(
    detections: JointDetections, graph: Graph, *, max_links: int, pcutoff: float, min_affinity: float
) -> Links:
    """Link, for each edge, pairs by decreasing affinity as long as both joints are free.

    The parameters are those of :func:`optimal_links`; ``pcutoff`` applies to the geometric mean of both scores.
    """
    pairs = candidate_links(detections, graph)
    edge = np.repeat(np.arange(len(graph)), [detections.counts[a] * detections.counts[b] for a, b in graph])
    confident = detections.score[pairs.first] * detections.score[pairs.second] >= pcutoff**2
    candidates = np.flatnonzero(confident & (pairs.affinity >= min_affinity))
    order = candidates[np.lexsort((-pairs.affinity[candidates], edge[candidates]))]
    linked: list[set[int]] = [set() for _ in graph]
    chosen = []
    for pair in order.tolist():
        used, ends = linked[edge[pair]], {int(pairs.first[pair]), int(pairs.second[pair])}
        if len(used) < 2 * max_links and not used & ends:
            used |= ends
            chosen.append(pair)
    return pairs[np.array(chosen, int)]


def candidate_links(detections: JointDetections, graph: Graph) -> Links:
    """Return all pairs of joints that an edge may link, in the order of ``detections.affinity``; nan counts as 0."""
    start = detections.starts
    first = [np.zeros(0, int)]
    second = [np.zeros(0, int)]
    for a, b in graph:
        rows, columns = np.indices((detections.counts[a], detections.counts[b])).reshape(2, -1)
        first.append(start[a] + rows)
        second.append(start[b] + columns)
    return Links(np.concatenate(first), np.concatenate(second), np.nan_to_num(detections.affinity))


def _best_joints(detections: JointDetections, count: int, pcutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """The joints (K, ``count``) with the highest scores of each bodypart, padded with -1, and their numbers (K,)."""
    part = detections.part
    order = np.lexsort((-detections.score, part))
    rank = np.arange(len(order)) - np.repeat(detections.starts, detections.counts)
    kept = (rank < count) & (detections.score[order] >= pcutoff)
    joints = np.full((len(detections.counts), count), -1)
    joints[part[kept], rank[kept]] = order[kept]
    return joints, (joints >= 0).sum(1)


def _assign(affinity: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edge, row and column of the pairs of highest total affinity (E, N, N), -1 beyond ``rows`` and ``columns`` (E,).

    If the best columns of all rows of an edge differ, they are the solution; only for the other edges an assignment
    problem is solved.
    """
    best = affinity.max(2)  # (E, N)
    column = affinity.argmax(2)
    valid = np.arange(affinity.shape[1]) < rows[:, None]
    unique_column = (np.where(valid, column, -1)[:, :, None] == np.arange(affinity.shape[2])).sum(1) <= 1
    unique_best = ((affinity == best[:, :, None]).sum(2) == 1) | ~valid
    trivial = np.asarray(unique_column.all(1) & unique_best.all(1))
    linked = np.zeros(affinity.shape, bool)
    edges, row = np.nonzero(valid & trivial[:, None] & (best >= 0))
    linked[edges, row, column[edges, row]] = True
    for edge in np.flatnonzero(~trivial & (rows > 0) & (columns > 0)):
        row, paired = linear_sum_assignment(affinity[edge, : rows[edge], : columns[edge]], maximize=True)
        linked[edge, row, paired] = True
    edges, row, paired = np.nonzero(linked)
    return edges, row, paired
