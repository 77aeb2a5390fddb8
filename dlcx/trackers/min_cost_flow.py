"""Join track segments into a known number of chains by minimum-cost flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching


def min_cost_chains(
    segments: int,
    edges: np.ndarray,
    cost: np.ndarray,
    chains: int,
    *,
    start_cost: np.ndarray | None = None,
    end_cost: np.ndarray | None = None,
    skip_cost: np.ndarray | None = None,
) -> list[list[int]] | None:
    """Join segments into chains at the lowest total cost.

    This is the minimum-cost flow of ``chains`` units through all segments (Zhang, Li & Nevatia, CVPR 2008), solved
    exactly as an assignment: every segment has one successor or ends a chain, and one predecessor or starts one.

    Parameters
    ----------
    segments
        Number of segments M.
    edges
        Pairs of segments that may follow each other, (E, 2).
    cost
        Cost of each edge, (E,), not negative.
    chains
        Number of chains.
    start_cost, end_cost
        Cost of starting and of ending a chain with each segment, (M,), not negative; default: 0.
    skip_cost
        Cost of leaving out each segment, (M,); with it, there may be fewer chains.  Default: no segment is left out.

    Returns
    -------
    list of list of int, or None
        Chains of segments in the order of their first segments; None if the segments do not fit into ``chains`` chains.

    Examples
    --------
    >>> min_cost_chains(3, np.array([[0, 1], [0, 2]]), np.array([5.0, 1.0]), chains=2)
    [[0, 2], [1]]
    """
    if chains > segments and skip_cost is None:
        return None
    size, free = segments + chains, np.zeros(segments)
    every, extra = np.arange(segments), np.arange(segments, size)
    rows = [edges[:, 0], np.tile(extra, segments), np.repeat(every, chains)]
    columns = [edges[:, 1], np.repeat(every, chains), np.tile(extra, segments)]
    costs = [cost, *(np.repeat(free if side is None else side, chains) for side in (start_cost, end_cost))]
    if skip_cost is not None:
        rows += [every, np.repeat(extra, chains)]
        columns += [every, np.tile(extra, chains)]
        costs += [skip_cost, np.zeros(chains * chains)]
    weight = np.concatenate(costs) + 1.0  # sparse arrays drop zeros; all matchings have equally many edges
    graph = coo_array((weight, (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)).tocsr()
    if skip_cost is None and (maximum_bipartite_matching(graph, perm_type="column") < 0).any():
        return None
    one, other = min_weight_full_bipartite_matching(graph)
    successor = dict(zip(one.tolist(), other.tolist(), strict=True))
    found = []
    for first in sorted(successor[start] for start in extra.tolist()):
        if first >= segments:
            continue
        chain = [first]
        while (following := successor[chain[-1]]) < segments:
            chain.append(following)
        found.append(chain)
    return found


def disjoint_chains(segments: int, starts: Sequence[int], ends: Sequence[int], edges: np.ndarray) -> list[list[int]]:
    """Find as many chains as possible that share no segment, by preflow push.

    Parameters
    ----------
    segments
        Number of segments.
    starts, ends
        Segments with which chains may start and end.
    edges
        Pairs of segments that may follow each other, (E, 2).

    Returns
    -------
    list of list of int
        Chains of segments.
    """
    import networkx as nx
    from networkx.algorithms.flow import preflow_push

    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edges_from(((index, "in"), (index, "out")) for index in range(segments))
    graph.add_edges_from(("source", (index, "in")) for index in starts)
    graph.add_edges_from(((index, "out"), "sink") for index in ends)
    graph.add_edges_from(((one, "out"), (other, "in")) for one, other in edges.tolist())
    try:
        paths = list(nx.node_disjoint_paths(graph, "source", "sink", flow_func=preflow_push, cutoff=len(starts)))
    except nx.NetworkXNoPath:
        return []
    return [[node[0] for node in path if node[1] == "in"] for path in paths]
