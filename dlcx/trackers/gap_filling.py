"""Fill the gaps of tracks with the short segments that stitching leaves over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.trackers.box import box_corners, iou
from dlcx.trackers.segments import TrackSegment, join_segments

#: Short segments fewer frames apart than this are joined.
MAX_JOINED_GAP = 5


def join_short_segments(short: Sequence[TrackSegment]) -> list[TrackSegment]:
    """Join short segments that closely follow each other.

    The longest path of each connected group becomes one segment; the length of an edge is 1 - IoU of the boxes at the
    two ends.

    Parameters
    ----------
    short
        Segments of one video.

    Returns
    -------
    list of TrackSegment
        The joined segments, then the remaining ones.
    """
    if len(short) < 2:
        return list(short)
    import networkx as nx

    segments = sorted(short, key=lambda segment: segment.start)
    starts, ends = (np.array([getattr(segment, side) for segment in segments]) for side in ("start", "end"))
    gap = starts[None] - ends[:, None]
    edges = np.argwhere((gap >= 1) & (gap < MAX_JOINED_GAP))
    graph: nx.DiGraph = nx.DiGraph()
    xy = segments[0].detections.xy
    first, last = (np.concatenate(box_corners(xy[[segment.rows[side] for segment in segments]]), 1) for side in (0, -1))
    overlap = iou(last, first)
    graph.add_weighted_edges_from((int(i), int(j), float(1 - overlap[i, j])) for i, j in edges)
    used: set[int] = set()
    joined = []
    for group in nx.weakly_connected_components(graph):
        path = nx.dag_longest_path(graph.subgraph(group))
        used.update(path)
        joined.append(join_segments([segments[index] for index in path]))
    return joined + [segment for index, segment in enumerate(segments) if index not in used]


def insert_short_segments(tracks: Sequence[TrackSegment], short: Sequence[TrackSegment]) -> list[TrackSegment]:
    """Insert short segments into tracks that have no detection in their frames.

    Segments that fit into exactly one track are inserted first, until none is left; then each of the others goes into
    the nearest track into which it fits.  Longer segments go first; segments of a single frame are dropped.

    Parameters
    ----------
    tracks
        The tracks to complete.
    short
        The segments to insert.

    Returns
    -------
    list of TrackSegment
        The completed tracks, in the same order.
    """
    tracks = list(tracks)
    waiting = sorted((segment for segment in short if len(segment) > 1), key=len, reverse=True)
    if not waiting or not tracks:
        return tracks
    taken = np.zeros((max(segment.end for segment in (*tracks, *waiting)) + 1, len(tracks)), bool)
    for index, track in enumerate(tracks):
        taken[track.frames, index] = True

    def insert(segment: TrackSegment, index: int) -> None:
        taken[segment.frames, index] = True
        tracks[index] = join_segments([tracks[index], segment])

    def fitting_tracks(segment: TrackSegment) -> list[int]:
        return np.flatnonzero(~taken[segment.frames].any(0)).tolist()

    inserted = True
    while inserted:
        inserted = False
        for segment in list(waiting):
            if len(only := fitting_tracks(segment)) == 1:
                insert(segment, only[0])
                waiting.remove(segment)
                inserted = True
    for segment in waiting:
        if several := fitting_tracks(segment):
            insert(segment, min(several, key=lambda index: _distance(tracks[index], segment)))
    return tracks


def _distance(track: TrackSegment, segment: TrackSegment) -> float:
    """Mean distance in pixels of a segment's ends from the track's nearest frames before and after it."""
    at = np.searchsorted(track.frames, segment.start)
    sides = []
    if at > 0:
        sides.append(np.linalg.norm(track.centroid[at - 1] - segment.first_centroid))
    if at < len(track):
        sides.append(np.linalg.norm(track.centroid[at] - segment.last_centroid))
    return float(np.mean(sides))
