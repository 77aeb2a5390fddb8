from __future__ import annotations

import numpy as np

from dlcx.trackers.min_cost_flow import disjoint_chains, min_cost_chains

EDGES = np.array([[0, 2], [0, 3], [1, 2], [1, 3]])


def test_chains_have_the_lowest_total_cost() -> None:
    assert min_cost_chains(4, EDGES, np.array([5.0, 1, 1, 5]), 2) == [[0, 3], [1, 2]]
    assert min_cost_chains(4, EDGES, np.array([1.0, 5, 5, 1]), 2) == [[0, 2], [1, 3]]
    assert min_cost_chains(4, EDGES, np.array([5.0, 1, 2, 5]), 3) == [[0, 3], [1], [2]]


def test_infeasible_chains_are_none() -> None:
    assert min_cost_chains(4, EDGES[:1], np.zeros(1), 2) is None
    assert min_cost_chains(1, EDGES[:0], np.zeros(0), 2) is None


def test_costs_of_starts_ends_and_skipped_segments() -> None:
    edges = np.array([[0, 1]])
    assert min_cost_chains(2, edges, np.array([9.0]), 1, skip_cost=np.array([5.0, 1.0])) == [[0]]
    assert min_cost_chains(2, edges, np.array([0.5]), 1, skip_cost=np.array([5.0, 1.0])) == [[0, 1]]
    start = {"start_cost": np.array([8.0, 0.0]), "skip_cost": np.array([5.0, 5.0])}
    assert min_cost_chains(2, edges, np.array([0.5]), 1, **start) == [[1]]
    end = {"end_cost": np.array([0.0, 8.0]), "skip_cost": np.array([5.0, 5.0])}
    assert min_cost_chains(2, edges, np.array([0.5]), 1, **end) == [[0]]


def test_disjoint_chains_share_no_segment() -> None:
    assert disjoint_chains(4, [0, 1], [2, 3], EDGES[:1]) == [[0, 2]]
    assert disjoint_chains(4, [0, 1], [2, 3], EDGES[:0]) == []
    chains = disjoint_chains(4, [0, 1], [2, 3], EDGES)
    assert sorted(segment for chain in chains for segment in chain) == [0, 1, 2, 3]
