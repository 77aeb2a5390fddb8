"""Skeleton pruning: which edges tell animals apart, from a tree of the best edges up to all edges.

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

#: Number of candidate graphs in addition to the tree.
STEPS = 10


def match_animals(detections: JointDetections, truth: np.ndarray, radius: float) -> np.ndarray:
    """Match joints to labeled animals, bodypart by bodypart.

    Parameters
    ----------
    detections
        Joints of an image.
    truth
        Labels (A, K, 2), in the same coordinates as the joints; nan for missing keypoints.
    radius
        Maximum distance of a match.

    Returns
    -------
    np.ndarray
        Index (J,) of the animal of each joint, -1 for none.
    """
    animal_of = np.full(len(detections), -1)
    for part, (start, count) in enumerate(zip(detections.starts, detections.counts, strict=True)):
        distance = np.linalg.norm(detections.xy[start : start + count, None] - truth[None, :, part], axis=-1)
        cost = np.where(distance <= radius, distance, 2 * radius)  # also for nan
        joint, animal = linear_sum_assignment(cost)
        matched = cost[joint, animal] <= radius
        animal_of[start + joint[matched]] = animal[matched]
    return animal_of


def edge_affinities(
    detections: JointDetections, graph: Graph, animal_of: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Collect, for each edge, the affinities of pairs within an animal and of pairs between two animals.

    Parameters
    ----------
    detections
        Joints of an image.
    graph
        The E edges, in the order of ``detections.affinity``.
    animal_of
        Index (J,) of the animal of each joint; see :func:`match_animals`.
    """
    pairs = candidate_links(detections, graph)
    edge = np.repeat(np.arange(len(graph)), [detections.counts[a] * detections.counts[b] for a, b in graph])
    first, second = animal_of[pairs.first], animal_of[pairs.second]
    within, between = (first >= 0) & (first == second), (first >= 0) & (second >= 0) & (first != second)
    return [
        (pairs.affinity[within & (edge == index)], pairs.affinity[between & (edge == index)])
        for index in range(len(graph))
    ]


def roc_auc(within: np.ndarray, between: np.ndarray) -> float:
    """Return the area under the ROC curve of affinities within an animal against those between two.

    This is the probability that a link within an animal has the higher affinity. Without affinities between animals it
    is 0.5, and without affinities within an animal 0.
    """
    if not len(within):
        return 0.0
    if not len(between):
        return 0.5
    ranks = rankdata(np.concatenate([within, between]))[: len(within)]
    return float((ranks.sum() - len(within) * (len(within) + 1) / 2) / (len(within) * len(between)))


def candidate_graphs(graph: Graph, scores: Sequence[float], bodyparts: int) -> list[list[int]]:
    """Return nested lists of edges to try: from the spanning tree of the best edges to all edges, best first.

    Parameters
    ----------
    graph
        The E edges.
    scores
        Score of each edge, higher is better.
    bodyparts
        Number of bodyparts K.

    Returns
    -------
    list of list of int
        Indices of edges; each list starts with the list before it.
    """
    order = np.argsort(-np.asarray(scores), kind="stable").tolist()
    cost = np.zeros((bodyparts, bodyparts))
    for rank, edge in enumerate(order):
        cost[graph[edge]] = 1 + rank
    tree = {(int(a), int(b)) for a, b in zip(*minimum_spanning_tree(cost).nonzero(), strict=True)}
    base = [edge for edge in order if tuple(graph[edge]) in tree]
    others = [edge for edge in order if tuple(graph[edge]) not in tree]
    sizes = np.unique(np.linspace(0, len(others), STEPS + 1).round().astype(int))
    return [base + others[:size] for size in sizes.tolist()]


def select_edges(detections: JointDetections, graph: Graph, edges: Sequence[int]) -> JointDetections:
    """Return the joints with the affinities of some edges only, in the order of ``edges``."""
    sizes = [detections.counts[a] * detections.counts[b] for a, b in graph]
    ends = np.cumsum(sizes)
    selected = [detections.affinity[ends[edge] - sizes[edge] : ends[edge]] for edge in edges]
    return JointDetections(
        detections.counts, detections.xy, detections.score, np.concatenate(selected), detections.identity
    )
