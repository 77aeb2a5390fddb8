"""What stitching does with the short pieces of tracklets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.trackers.box import corners, overlap
from dlcx.trackers.segments import Piece, join

#: Residuals that follow each other within fewer frames are joined.
NEAR = 5


def join_short_segments(short: Sequence[Piece]) -> list[Piece]:
    """Residuals that follow each other become one: of every group the longest path by the boxes' mismatch."""
    if len(short) < 2:
        return list(short)
    import networkx as nx

    pieces = sorted(short, key=lambda piece: piece.start)
    starts, ends = (np.array([getattr(piece, side) for piece in pieces]) for side in ("start", "end"))
    gap = starts[None] - ends[:, None]
    edges = np.argwhere((gap >= 1) & (gap < NEAR))
    graph: nx.DiGraph = nx.DiGraph()
    xy = pieces[0].detections.xy
    first, last = (np.concatenate(corners(xy[[piece.rows[side] for piece in pieces]]), 1) for side in (0, -1))
    shared = overlap(last, first)
    graph.add_weighted_edges_from((int(i), int(j), float(1 - shared[i, j])) for i, j in edges)
    used: set[int] = set()
    joined = []
    for group in nx.weakly_connected_components(graph):
        path = nx.dag_longest_path(graph.subgraph(group))
        used.update(path)
        joined.append(join([pieces[index] for index in path]))
    return joined + [piece for index, piece in enumerate(pieces) if index not in used]


def insert_short_segments(tracks: Sequence[Piece], short: Sequence[Piece]) -> list[Piece]:
    """The tracks with the residuals of two frames and more, longest first, where they overlap no frame of a track.

    First those that fit one track alone, as long as there are such, then each into the nearest of those that it fits.
    """
    tracks = list(tracks)
    waiting = sorted((piece for piece in short if len(piece) > 1), key=len, reverse=True)
    if not waiting or not tracks:
        return tracks
    taken = np.zeros((max(piece.end for piece in (*tracks, *waiting)) + 1, len(tracks)), bool)
    for index, track in enumerate(tracks):
        taken[track.frames, index] = True

    def lay(piece: Piece, index: int) -> None:
        taken[piece.frames, index] = True
        tracks[index] = join([tracks[index], piece])

    def fits(piece: Piece) -> list[int]:
        return np.flatnonzero(~taken[piece.frames].any(0)).tolist()

    placed = True
    while placed:
        placed = False
        for piece in list(waiting):
            if len(only := fits(piece)) == 1:
                lay(piece, only[0])
                waiting.remove(piece)
                placed = True
    for piece in waiting:
        if several := fits(piece):
            lay(piece, min(several, key=lambda index: _distance(tracks[index], piece)))
    return tracks


def _distance(track: Piece, piece: Piece) -> float:
    """Pixels from the piece's end points to the track's nearest frames before and after, their mean."""
    at = np.searchsorted(track.frames, piece.start)
    sides = []
    if at > 0:
        sides.append(np.linalg.norm(track.centroid[at - 1] - piece.first_centroid))
    if at < len(track):
        sides.append(np.linalg.norm(track.centroid[at] - piece.last_centroid))
    return float(np.mean(sides))
