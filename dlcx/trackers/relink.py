"""Link all detections of a video globally, as the last step of tracking.

DeepLabCut's stitching loses the first frames of tracklets, keeps identity swaps within them, and inserts short segments
wherever there is room.  Here, the detections are grouped into reliable tracklets, which are joined by minimum-cost flow
(Zhang, Li & Nevatia, CVPR 2008) into at most as many chains as there are animals.  Tracklets may be left out, as false
detections should be.  The cost of a link is estimated from the video itself.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.min_cost_flow import min_cost_chains
from dlcx.trackers.motion_cost import SPEED_FRAMES, MotionCost, miss_cost
from dlcx.trackers.pairs import pairs_with_ranges
from dlcx.trackers.reliable_tracklets import ReliableTracklets

#: Gap in frames up to which any two tracklets may be linked.
MAX_GAP = 60
#: Number of next long tracklets that may follow across longer gaps, and their minimum number of detections.
NEXT_LONG, LONG = 12, 8
#: Cost of leaving out a detection with all keypoints and full score, in units of the cost of a link.
SKIP_COST = 6.0
#: Reduction of the cost of a link that the tracker made as well.
TRACKER_BONUS = 0.25
#: Cost of linking tracklets with different identities; it grows with their length up to a number of frames.
IDENTITY_COST, MAX_IDENTITY_FRAMES = 6.0, 25
#: Minimum and maximum number of frames that are solved at once: then time grows linearly with the length of the video
#: and the pairs of tracklets fit into memory.
MIN_WINDOW, MAX_WINDOW = 1_000, 10_000


def relink(
    detections: Detections,
    tracklets: ReliableTracklets,
    motion_cost: MotionCost,
    animals: int,
    tracker_links: np.ndarray,
) -> np.ndarray:
    """Link all detections at the lowest total cost.

    Parameters
    ----------
    detections
        All detections of the video.
    tracklets
        Its reliable tracklets.
    motion_cost
        Cost of links.
    animals
        Maximum number of tracks A.
    tracker_links
        Pairs of detections that a tracker assigned to the same animal, (L, 2).

    Returns
    -------
    numpy.ndarray
        Row of the detection of every track in every frame, (T, A); -1 for none.  Tracks are in arbitrary order.
    """
    table = np.full((detections.frames, animals), -1)
    if not len(detections):
        return table
    skip_cost, identity = _skip_cost(detections, tracklets), _identity_scores(detections, tracklets, animals)
    column = np.full(len(tracklets), -1)
    bounds = [0, *_window_bounds(tracklets, animals, detections.frames), detections.frames - 1]
    for first, last in pairwise(bounds):
        within = np.flatnonzero((tracklets.end >= first) & (tracklets.start <= last))
        window = tracklets.subset(within)
        edges = _candidate_links(window)
        one, other = edges.T
        speed = _expected_speed(detections, window, edges)
        cost = motion_cost.cost(detections, window.tail[one], window.head[other], speed)
        cost -= TRACKER_BONUS * _is_tracker_link(window, edges, tracker_links)
        cost += IDENTITY_COST * _identity_disagreement(identity[within], window.length, edges)
        chains = min_cost_chains(
            len(window),
            edges,
            np.maximum(cost, 0),
            animals,
            start_cost=miss_cost(np.maximum(window.start - first, 0)),
            end_cost=miss_cost(np.maximum(last - window.end, 0)),
            skip_cost=skip_cost[within],
        )
        _assign_columns([within[chain] for chain in chains or []], column, animals)
    for tracklet in np.flatnonzero(column >= 0).tolist():
        rows = tracklets.rows(tracklet)
        table[detections.frame[rows], column[tracklet]] = rows
    return table


def _window_bounds(tracklets: ReliableTracklets, animals: int, frames: int) -> list[int]:
    """Frames at which the video is divided into windows that are solved one after the other.

    At these frames all animals are in the middle of long tracklets, through which the tracks must pass, so dividing the
    video there changes nothing.  If there is no such frame for very long, the frame with most animals in long
    tracklets is used.
    """
    long = (tracklets.length >= 2 * LONG) & (tracklets.end - tracklets.start < 2 * tracklets.length)
    change = np.zeros(frames + 1, int)
    np.add.at(change, tracklets.start[long] + LONG, 1)
    np.add.at(change, np.maximum(tracklets.end[long] - LONG + 1, tracklets.start[long] + LONG), -1)
    in_long = np.cumsum(change)[:frames]
    bounds: list[int] = []
    begin = 0
    while frames - begin > 2 * MIN_WINDOW:
        candidates = in_long[begin + MIN_WINDOW : min(begin + MAX_WINDOW, frames - MIN_WINDOW)]
        if (candidates < animals).all() and frames - begin <= MAX_WINDOW:
            break
        begin += MIN_WINDOW + int(np.minimum(candidates, animals).argmax())
        bounds.append(begin)
    return bounds


def _assign_columns(chains: list[np.ndarray], column: np.ndarray, animals: int) -> None:
    """Assign chains of tracklets to columns (M,) of the result; a chain keeps the column of its first tracklet."""
    free = set(range(animals))
    begun = [(chain, column[chain[0]]) for chain in chains]
    free -= {int(known) for _, known in begun if known >= 0}
    for chain, known in begun:
        column[chain] = known if known >= 0 else free.pop()


def _skip_cost(detections: Detections, tracklets: ReliableTracklets) -> np.ndarray:
    """Cost of leaving out each tracklet, (M,)."""
    seen = np.isfinite(detections.xy).all(-1)
    confidence = np.where(seen, detections.score, 0).mean(1).clip(0, 1)
    return np.add.reduceat(SKIP_COST * np.sqrt(confidence[tracklets.order]), tracklets.first[:-1])


def _candidate_links(tracklets: ReliableTracklets) -> np.ndarray:
    """Pairs of tracklets that may follow each other, (E, 2)."""
    begin = np.searchsorted(tracklets.start, tracklets.end, side="right")
    stop = np.searchsorted(tracklets.start, tracklets.end + MAX_GAP, side="right")
    long = np.flatnonzero(tracklets.length >= LONG)
    at = np.searchsorted(long, stop)
    far = at[:, None] + np.arange(NEXT_LONG)
    exists = far < len(long)
    far_one = np.repeat(np.arange(len(tracklets)), exists.sum(1))
    return np.concatenate([pairs_with_ranges(begin, stop), np.stack([far_one, long[far[exists]]], 1)])


def _expected_speed(detections: Detections, tracklets: ReliableTracklets, edges: np.ndarray) -> np.ndarray:
    """Speed (E, 2) between two tracklets in pixels per frame: a mean of both ends that favors the longer tracklet."""
    centroid, reach = detections.centroid, np.minimum(tracklets.length - 1, SPEED_FRAMES)
    inner, outer = tracklets.order[tracklets.first[:-1] + reach], tracklets.order[tracklets.first[1:] - 1 - reach]
    frames = np.maximum(reach, 1)[:, None]
    at_head = (centroid[inner] - centroid[tracklets.head]) / frames
    at_tail = (centroid[tracklets.tail] - centroid[outer]) / frames
    weight = np.minimum(tracklets.length - 1, 2)[edges] / 2.0
    weight /= np.maximum(weight.sum(1, keepdims=True), 1)
    result: np.ndarray = weight[:, :1] * at_tail[edges[:, 0]] + weight[:, 1:] * at_head[edges[:, 1]]
    return result


def _is_tracker_link(tracklets: ReliableTracklets, edges: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Whether the tracker made the link as well, (E,) bool."""
    if not len(links):
        return np.zeros(len(edges), bool)
    size = int(links.max()) + 1
    linked = links[:, 0] * size + links[:, 1]
    tail, head = tracklets.tail[edges[:, 0]], tracklets.head[edges[:, 1]]
    result: np.ndarray = np.isin(tail * size + head, linked) & (head < size)
    return result


def _identity_scores(detections: Detections, tracklets: ReliableTracklets, animals: int) -> np.ndarray:
    """Share of each individual in a tracklet's keypoint identities, weighted by score, (M, A); 0 without identities."""
    identity = np.where(np.isfinite(detections.identity), detections.identity, -1)
    named = identity[..., None] == np.arange(animals)
    scores = np.where(named, detections.score[..., None], 0).sum(1)
    scores = np.add.reduceat(scores[tracklets.order], tracklets.first[:-1])
    result: np.ndarray = scores / np.maximum(scores.sum(1, keepdims=True), 1e-9)
    return result


def _identity_disagreement(identity: np.ndarray, length: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much the identity scores (M, A) of two tracklets disagree, (E,).

    0 if they agree or one is unknown, otherwise up to the square root of the shorter tracklet's number of frames.
    """
    one, other = edges.T
    if not identity.any():
        return np.zeros(len(edges))
    weight = np.sqrt(np.minimum(np.minimum(length[one], length[other]), MAX_IDENTITY_FRAMES))
    known = identity.sum(1) > 0
    return np.where(known[one] & known[other], (1 - np.sqrt(identity[one] * identity[other]).sum(1)) * weight, 0)
