"""The cheapest way to join pieces of tracks end to start into a known number of chains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching, min_weight_full_bipartite_matching


def min_cost_chains(
    pieces: int,
    edges: np.ndarray,
    cost: np.ndarray,
    chains: int,
    *,
    begin: np.ndarray | None = None,
    end: np.ndarray | None = None,
    skipped: np.ndarray | None = None,
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
    begin, end
        (M,) what it costs to begin and to end a chain with a piece, not negative; default: nothing.
    skipped
        (M,) what it costs to leave a piece out; then there may be fewer chains.  Default: none is left out.

    Returns
    -------
    list of list of int
        The chains in the order of their first pieces' numbers.
    """
    if chains > pieces and skipped is None:
        return None
    size, nothing = pieces + chains, np.zeros(pieces)
    every, extra = np.arange(pieces), np.arange(pieces, size)
    rows = [edges[:, 0], np.tile(extra, pieces), np.repeat(every, chains)]
    columns = [edges[:, 1], np.repeat(every, chains), np.tile(extra, pieces)]
    costs = [cost, *(np.repeat(nothing if side is None else side, chains) for side in (begin, end))]
    if skipped is not None:
        rows += [every, np.repeat(extra, chains)]
        columns += [every, np.tile(extra, chains)]
        costs += [skipped, np.zeros(chains * chains)]
    weight = np.concatenate(costs) + 1.0  # every matching has as many edges, and 0 would mean none
    graph = coo_array((weight, (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)).tocsr()
    if skipped is None and (maximum_bipartite_matching(graph, perm_type="column") < 0).any():
        return None
    one, other = min_weight_full_bipartite_matching(graph)
    follows = dict(zip(one.tolist(), other.tolist(), strict=True))
    found = []
    for first in sorted(follows[start] for start in extra.tolist()):
        if first >= pieces:
            continue
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
