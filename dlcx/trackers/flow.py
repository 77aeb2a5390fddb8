"""The cheapest way to join pieces of tracks end to start into a known number of chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching


def cheapest_chains(
    pieces: int,
    edges: np.ndarray,
    cost: np.ndarray,
    chains: int,
) -> list[list[int]] | None:
    """Join ``pieces`` pieces into ``chains`` chains at the least total cost; None where that cannot be done.

    This is the minimum-cost flow of ``chains`` units that passes every piece once (Zhang, Li & Nevatia, CVPR 2008),
    solved exactly as an assignment: every piece has one successor or ends a chain, one predecessor or begins one.

    Parameters
    ----------
    pieces
        Their number M.
    edges
        (E, 2) pairs of pieces that may follow each other.
    cost
        (E,) not negative.

    Returns
    -------
    list of list of int
        The chains in the order of their first pieces' numbers.
    """
    if chains > pieces:
        return None
    size = pieces + chains
    every, extra = np.arange(pieces), np.arange(pieces, size)
    rows = np.concatenate([edges[:, 0], np.tile(extra, pieces), np.repeat(every, chains)])
    columns = np.concatenate([edges[:, 1], np.repeat(every, chains), np.tile(extra, pieces)])
    weight = (
        np.concatenate([cost, np.zeros(2 * pieces * chains)]) + 1.0
    )  # every matching has as many edges, and 0 would mean none
    graph = coo_array((weight, (rows, columns)), shape=(size, size)).tocsr()
    if (maximum_bipartite_matching(graph, perm_type="column") < 0).any():
        return None
    one, other = min_weight_full_bipartite_matching(graph)
    follows = dict(zip(one.tolist(), other.tolist(), strict=True))
    found = []
    for first in sorted(follows[begin] for begin in extra.tolist()):
        chain = [first]
        while (following := follows[chain[-1]]) < pieces:
            chain.append(following)
        found.append(chain)
    return found


def disjoint_chains(pieces: int, begins: Sequence[int], stops: Sequence[int], edges: np.ndarray) -> list[list[int]]:
    """As many chains from ``begins`` to ``stops`` as there are without a piece in two of them (preflow push)."""
    import networkx as nx
    from networkx.algorithms.flow import preflow_push

    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edges_from(((index, "in"), (index, "out")) for index in range(pieces))
    graph.add_edges_from(("source", (index, "in")) for index in begins)
    graph.add_edges_from(((index, "out"), "sink") for index in stops)
    graph.add_edges_from(((one, "out"), (other, "in")) for one, other in edges.tolist())
    try:
        paths = list(nx.node_disjoint_paths(graph, "source", "sink", flow_func=preflow_push, cutoff=len(begins)))
    except nx.NetworkXNoPath:
        return []
    return [[node[0] for node in path if node[1] == "in"] for path in paths]
