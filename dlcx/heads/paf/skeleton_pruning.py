"""Which edges of a skeleton tell animals apart: a tree of the best ones, and more of them step by step.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
K bodyparts, E edges, A animals and J joints of an image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.stats import rankdata

from dlcx.heads.paf.linking import Graph, JointDetections, candidate_links

#: How many lists of edges are tried beside the smallest.
STEPS = 10


def match_animals(detections: JointDetections, truth: np.ndarray, radius: float) -> np.ndarray:
    """The animal (J,) that each joint belongs to by the labels (A, K, 2); -1 farther than ``radius`` from all."""
    owner = np.full(len(detections), -1)
    starts = np.cumsum(detections.counts) - detections.counts
    for part, (start, count) in enumerate(zip(starts, detections.counts, strict=True)):
        away = np.linalg.norm(detections.xy[start : start + count, None] - truth[None, :, part], axis=-1)
        near = np.where(away <= radius, away, 2 * radius)  # nan counts as far
        joint, animal = linear_sum_assignment(near)
        good = near[joint, animal] <= radius
        owner[start + joint[good]] = animal[good]
    return owner


def edge_affinities(
    detections: JointDetections, graph: Graph, owner: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each edge the affinities of its pairs within an animal, and between two."""
    pairs = candidate_links(detections, graph)
    edge = np.repeat(np.arange(len(graph)), [detections.counts[a] * detections.counts[b] for a, b in graph])
    first, second = owner[pairs.first], owner[pairs.second]
    within, between = (first >= 0) & (first == second), (first >= 0) & (second >= 0) & (first != second)
    return [
        (pairs.affinity[within & (edge == number)], pairs.affinity[between & (edge == number)])
        for number in range(len(graph))
    ]


def roc_auc(within: np.ndarray, between: np.ndarray) -> float:
    """How often a link within an animal has the larger affinity than one between two: the area under the ROC curve.

    0.5 where there are none between two, 0 where there are none within.
    """
    if not len(within):
        return 0.0
    if not len(between):
        return 0.5
    ranks = rankdata(np.concatenate([within, between]))[: len(within)]
    return float((ranks.sum() - len(within) * (len(within) + 1) / 2) / (len(within) * len(between)))


def candidate_graphs(graph: Graph, scores: Sequence[float], bodyparts: int) -> list[list[int]]:
    """Lists of edges to try, each a part of the next: from the best tree up to all; the best edges come first."""
    order = np.argsort(-np.asarray(scores), kind="stable").tolist()
    cost = np.zeros((bodyparts, bodyparts))
    for rank, edge in enumerate(order):
        cost[graph[edge]] = 1 + rank
    tree = {(int(a), int(b)) for a, b in zip(*minimum_spanning_tree(cost).nonzero(), strict=True)}
    base = [edge for edge in order if tuple(graph[edge]) in tree]
    more = [edge for edge in order if tuple(graph[edge]) not in tree]
    sizes = np.unique(np.linspace(0, len(more), STEPS + 1).round().astype(int))
    return [base + more[:size] for size in sizes.tolist()]


def select_edges(detections: JointDetections, graph: Graph, kept: Sequence[int]) -> JointDetections:
    """The same joints with the affinities of some edges only, in the order of ``kept``."""
    sizes = [detections.counts[a] * detections.counts[b] for a, b in graph]
    ends = np.cumsum(sizes)
    pieces = [detections.affinity[ends[edge] - sizes[edge] : ends[edge]] for edge in kept]
    return JointDetections(
        detections.counts, detections.xy, detections.score, np.concatenate(pieces), detections.identity
    )
