"""Links between the joints of an image: which pairs of peaks, edge by edge, belong to one animal.

J joints, L links, E edges of the skeleton.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


@dataclass(frozen=True)
class JointDetections:
    """Joints of one image, numbered bodypart by bodypart, and how well pairs of them fit.

    ``counts`` (K,) joints of each bodypart, ``xy`` (J, 2), ``score`` (J,); ``affinity`` holds for each edge that is
    used, one after another, the pairs of its joints, the second bodypart fastest.
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

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True)
class Links:
    """Joints ``first`` and ``second`` (L,) that belong together and how well they fit (L,)."""

    first: np.ndarray
    second: np.ndarray
    affinity: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, chosen: np.ndarray) -> Links:
        return Links(self.first[chosen], self.second[chosen], self.affinity[chosen])


Graph = Sequence[tuple[int, int]]


def optimal_links(
    detections: JointDetections, graph: Graph, *, most: int, pcutoff: float, min_affinity: float
) -> Links:
    """For each edge the pairs that fit best together, among the ``most`` most certain joints of each bodypart."""
    joints, number = _most_certain(detections, most, pcutoff)  # (K, most), (K,)
    first, second = np.array(graph, int).reshape(-1, 2).T
    start = detections.counts.cumsum() - detections.counts
    rows, columns = number[first], number[second]  # (E,)
    inside = (np.arange(most) < rows[:, None])[:, :, None] & (np.arange(most) < columns[:, None])[:, None]
    local = np.where(joints < 0, 0, joints - start[:, None])
    width = detections.counts[second]
    before = (detections.counts[first] * width).cumsum() - detections.counts[first] * width
    place = before[:, None, None] + local[first][:, :, None] * width[:, None, None] + local[second][:, None]
    fit = np.full(place.shape, -1.0)  # (E, most, most)
    fit[inside] = np.nan_to_num(detections.affinity[place[inside]])
    edge, row, column = _assign(fit, rows, columns)
    links = Links(joints[first[edge], row], joints[second[edge], column], fit[edge, row, column])
    return links[links.affinity >= min_affinity]


def greedy_links(detections: JointDetections, graph: Graph, *, most: int, pcutoff: float, min_affinity: float) -> Links:
    """For each edge at most ``most`` pairs by falling affinity, as long as neither joint is taken."""
    pairs = candidate_links(detections, graph)
    edge = np.repeat(np.arange(len(graph)), [detections.counts[a] * detections.counts[b] for a, b in graph])
    certain = detections.score[pairs.first] * detections.score[pairs.second] >= pcutoff**2
    fits = np.flatnonzero(certain & (pairs.affinity >= min_affinity))
    order = fits[np.lexsort((-pairs.affinity[fits], edge[fits]))]
    taken: list[set[int]] = [set() for _ in graph]
    chosen = []
    for pair in order.tolist():
        used, ends = taken[edge[pair]], {int(pairs.first[pair]), int(pairs.second[pair])}
        if len(used) < 2 * most and not used & ends:
            used |= ends
            chosen.append(pair)
    return pairs[np.array(chosen, int)]


def candidate_links(detections: JointDetections, graph: Graph) -> Links:
    """Every pair of joints that an edge may link, in the order of ``detections.affinity``; nan counts as 0."""
    start = detections.counts.cumsum() - detections.counts
    first = [np.zeros(0, int)]
    second = [np.zeros(0, int)]
    for a, b in graph:
        rows, columns = np.indices((detections.counts[a], detections.counts[b])).reshape(2, -1)
        first.append(start[a] + rows)
        second.append(start[b] + columns)
    return Links(np.concatenate(first), np.concatenate(second), np.nan_to_num(detections.affinity))


def _most_certain(detections: JointDetections, most: int, pcutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """The best joints (K, most) of each bodypart, the most certain first, then -1; and how many these are (K,)."""
    part = detections.part
    order = np.lexsort((-detections.score, part))
    rank = np.arange(len(order)) - np.repeat(detections.counts.cumsum() - detections.counts, detections.counts)
    kept = (rank < most) & (detections.score[order] >= pcutoff)
    joints = np.full((len(detections.counts), most), -1)
    joints[part[kept], rank[kept]] = order[kept]
    return joints, (joints >= 0).sum(1)


def _assign(fit: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edge, row and column of the pairs of largest total fit (E, most, most), -1 beyond ``rows`` and ``columns`` (E,).

    Where the best columns of all rows differ they are the answer; only the other edges need an assignment solved.
    """
    best = fit.max(2)  # (E, most)
    column = fit.argmax(2)
    real = np.arange(fit.shape[1]) < rows[:, None]
    column_once = (np.where(real, column, -1)[:, :, None] == np.arange(fit.shape[2])).sum(1) <= 1
    row_clear = ((fit == best[:, :, None]).sum(2) == 1) | ~real
    clear = np.asarray(column_once.all(1) & row_clear.all(1))
    found = np.zeros(fit.shape, bool)
    edges, row = np.nonzero(real & clear[:, None] & (best >= 0))
    found[edges, row, column[edges, row]] = True
    for edge in np.flatnonzero(~clear & (rows > 0) & (columns > 0)):
        row, paired = linear_sum_assignment(fit[edge, : rows[edge], : columns[edge]], maximize=True)
        found[edge, row, paired] = True
    edges, row, paired = np.nonzero(found)
    return edges, row, paired
