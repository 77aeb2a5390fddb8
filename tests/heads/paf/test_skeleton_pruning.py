from itertools import pairwise

import numpy as np
import pytest

from dlcx.heads.paf.linking import JointDetections
from dlcx.heads.paf.skeleton_pruning import candidate_graphs, edge_affinities, match_animals, roc_auc, select_edges

GRAPH = ((0, 1), (0, 2), (1, 2))
#: Labels of two animals of three bodyparts; the second lacks the last.
TRUTH = np.array([[[0, 0], [10, 0], [20, 0]], [[0, 50], [10, 50], [np.nan, np.nan]]])
#: Two joints of the first bodypart (the second animal first), one of the last, one and a false one of the other.
JOINTS = JointDetections(
    counts=np.array([2, 2, 1]),
    xy=np.array([[1, 50], [0, 1], [10, 2], [300, 300], [21, 0.0]]),
    score=np.ones(5),
    affinity=np.array([0.2, 0.9, 0.8, 0.1, 0.3, 0.7, 0.6, 0.5]),
)


def test_joints_belong_to_the_label_they_lie_on():
    assert match_animals(JOINTS, TRUTH, 17).tolist() == [1, 0, 0, -1, 0]
    assert match_animals(JOINTS, TRUTH, 1).tolist() == [1, 0, -1, -1, 0]
    assert match_animals(JOINTS, np.full((1, 3, 2), np.nan), 17).tolist() == [-1] * 5


def test_affinities_within_animals_and_between_them():
    found = edge_affinities(JOINTS, GRAPH, match_animals(JOINTS, TRUTH, 17))
    assert [(within.tolist(), between.tolist()) for within, between in found] == [
        ([0.8], [0.2]),
        ([0.7], [0.3]),
        ([0.6], []),
    ]


def test_separation_is_the_area_under_the_roc_curve():
    assert roc_auc(np.array([0.5, 0.9]), np.array([0.1, 0.4])) == 1
    assert roc_auc(np.array([0.1, 0.9]), np.array([0.4, 0.5])) == 0.5
    assert roc_auc(np.array([0.4]), np.array([0.4])) == 0.5
    assert roc_auc(np.array([0.1]), np.array([0.4])) == 0
    assert roc_auc(np.zeros(0), np.array([0.4])) == 0
    assert roc_auc(np.array([0.4]), np.zeros(0)) == 0.5


def test_edges_are_added_to_the_best_tree():
    assert candidate_graphs(GRAPH, [0.7, 0.9, 0.8], 3) == [[1, 2], [1, 2, 0]]
    graph = [(a, b) for a in range(8) for b in range(a + 1, 8)]
    scores = np.random.default_rng(0).random(len(graph))
    tried = candidate_graphs(graph, scores, 8)
    assert len(tried) == 11
    assert len(tried[0]) == 7
    assert {part for edge in tried[0] for part in graph[edge]} == set(range(8))
    assert sorted(tried[-1]) == list(range(28))
    assert all(set(fewer) < set(more) for fewer, more in pairwise(tried))
    assert tried[0][0] == scores.argmax()


@pytest.mark.parametrize(("kept", "affinity"), [([2, 0], [0.6, 0.5, 0.2, 0.9, 0.8, 0.1]), ([1], [0.3, 0.7])])
def test_affinities_of_some_edges(kept, affinity):
    assert select_edges(JOINTS, GRAPH, kept).affinity.tolist() == affinity
