"""All detections of a video linked at once: dlcx's own last word on tracks.

Stitching after DeepLabCut loses the first frames of tracklets, keeps the swaps within them, and lays short pieces
wherever there is room.  Here the video's detections are cut into pieces within which nobody can be mistaken, and the
pieces are joined by a minimum-cost flow (Zhang, Li & Nevatia, CVPR 2008) of at most as many chains as there are
animals.  A piece may be left out, as false detections should be.  What a jump costs is learned from the video itself.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.flow import min_cost_chains
from dlcx.trackers.motion_cost import SPEED_FRAMES, MotionCost, lost
from dlcx.trackers.reliable_tracklets import ReliableTracklets

#: Frames within which pieces may follow each other whatever they are; farther apart the next long ones may.
NEAR_GAP, NEXT_LONG, LONG = 60, 12, 8
#: What a detection is worth, with all keypoints and full score, in the units of a jump's cost.
WORTH = 6.0
#: How much cheaper a link is that the tracker made too.
TRACKER_AGREES = 0.25
#: What it costs that votes call two pieces different individuals; more for longer ones, up to so many frames.
DISAGREE, MOST_HEARD = 6.0, 25
#: Frames, at least and at most, of a stretch of video that is solved at once, so that long videos take no longer in
#: proportion, and their pairs of pieces fit into memory.
STRETCH, LONGEST = 1_000, 10_000


def relink(
    detections: Detections, pieces: ReliableTracklets, jumps: MotionCost, animals: int, tracker_links: np.ndarray
) -> np.ndarray:
    """The detection (T, A) of every animal in every frame, -1 for none; columns in no particular order.

    Parameters
    ----------
    tracker_links
        (L, 2) pairs of detections that a tracker called the same animal.
    """
    table = np.full((detections.frames, animals), -1)
    if not len(detections):
        return table
    worth, votes = _worth(detections, pieces), _votes(detections, pieces, animals)
    column = np.full(len(pieces), -1)
    bounds = [0, *_cuts(pieces, animals, detections.frames), detections.frames - 1]
    for first, last in pairwise(bounds):
        inside = np.flatnonzero((pieces.end >= first) & (pieces.start <= last))
        part = pieces.some(inside)
        edges = _candidates(part)
        one, other = edges.T
        cost = jumps.cost(detections, part.tail[one], part.head[other], _speed(detections, part, edges))
        cost -= TRACKER_AGREES * _told(part, edges, tracker_links)
        cost += DISAGREE * _disagreement(votes[inside], part.length, edges)
        chains = min_cost_chains(
            len(part),
            edges,
            np.maximum(cost, 0),
            animals,
            begin=lost(np.maximum(part.start - first, 0)),
            end=lost(np.maximum(last - part.end, 0)),
            skipped=worth[inside],
        )
        _enter([inside[chain] for chain in chains or []], column, animals)
    for piece in np.flatnonzero(column >= 0).tolist():
        rows = pieces.rows(piece)
        table[detections.frame[rows], column[piece]] = rows
    return table


def _cuts(pieces: ReliableTracklets, animals: int, frames: int) -> list[int]:
    """Frames that part the video into stretches which are solved one after the other.

    In such a frame all animals are within long pieces, through which the tracks must pass, so nothing is lost by it.
    Where there is no such frame for very long, the one with most animals in long pieces is taken.
    """
    long = (pieces.length >= 2 * LONG) & (pieces.end - pieces.start < 2 * pieces.length)
    change = np.zeros(frames + 1, int)
    np.add.at(change, pieces.start[long] + LONG, 1)
    np.add.at(change, np.maximum(pieces.end[long] - LONG + 1, pieces.start[long] + LONG), -1)
    within = np.cumsum(change)[:frames]
    cuts: list[int] = []
    begin = 0
    while frames - begin > 2 * STRETCH:
        ahead = within[begin + STRETCH : min(begin + LONGEST, frames - STRETCH)]
        if (ahead < animals).all() and frames - begin <= LONGEST:
            break
        begin += STRETCH + int(np.minimum(ahead, animals).argmax())
        cuts.append(begin)
    return cuts


def _enter(chains: list[np.ndarray], column: np.ndarray, animals: int) -> None:
    """Give the pieces (M,) of chains their track's column; a chain goes on in the column in which it begins."""
    free = set(range(animals))
    begun = [(chain, column[chain[0]]) for chain in chains]
    free -= {int(known) for _, known in begun if known >= 0}
    for chain, known in begun:
        column[chain] = known if known >= 0 else free.pop()


def _worth(detections: Detections, pieces: ReliableTracklets) -> np.ndarray:
    """(M,) what it costs to leave a piece out."""
    seen = np.isfinite(detections.xy).all(-1)
    sure = np.where(seen, detections.score, 0).mean(1).clip(0, 1)
    return np.add.reduceat(WORTH * np.sqrt(sure[pieces.order]), pieces.first[:-1])


def _candidates(pieces: ReliableTracklets) -> np.ndarray:
    """Which pieces may follow which (E, 2)."""
    order = np.arange(len(pieces))
    begin = np.searchsorted(pieces.start, pieces.end, side="right")
    stop = np.searchsorted(pieces.start, pieces.end + NEAR_GAP, side="right")
    one = np.repeat(order, stop - begin)
    other = np.arange(len(one)) - np.repeat(np.cumsum(stop - begin) - (stop - begin) - begin, stop - begin)
    long = np.flatnonzero(pieces.length >= LONG)
    at = np.searchsorted(long, stop)
    far = at[:, None] + np.arange(NEXT_LONG)
    there = far < len(long)
    ones = np.repeat(order, there.sum(1))
    return np.concatenate([np.stack([one, other], 1), np.stack([ones, long[far[there]]], 1)])


def _speed(detections: Detections, pieces: ReliableTracklets, edges: np.ndarray) -> np.ndarray:
    """(E, 2) pixels a frame between two pieces: those of their ends, of which the longer piece knows more."""
    middle, reach = detections.centroid, np.minimum(pieces.length - 1, SPEED_FRAMES)
    inner, outer = pieces.order[pieces.first[:-1] + reach], pieces.order[pieces.first[1:] - 1 - reach]
    frames = np.maximum(reach, 1)[:, None]
    at_head, at_tail = (middle[inner] - middle[pieces.head]) / frames, (middle[pieces.tail] - middle[outer]) / frames
    weight = np.minimum(pieces.length - 1, 2)[edges] / 2.0
    weight /= np.maximum(weight.sum(1, keepdims=True), 1)
    return weight[:, :1] * at_tail[edges[:, 0]] + weight[:, 1:] * at_head[edges[:, 1]]


def _told(pieces: ReliableTracklets, edges: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Which edges (E,) join detections that the tracker joined."""
    if not len(links):
        return np.zeros(len(edges), bool)
    size = int(links.max()) + 1
    joined = links[:, 0] * size + links[:, 1]
    tail, head = pieces.tail[edges[:, 0]], pieces.head[edges[:, 1]]
    return np.isin(tail * size + head, joined) & (head < size)


def _votes(detections: Detections, pieces: ReliableTracklets, animals: int) -> np.ndarray:
    """(M, A) shares of the keypoints' votes for individuals, weighed by scores; zeros where nobody is named."""
    voted = np.where(np.isfinite(detections.identity), detections.identity, -1)
    named = voted[..., None] == np.arange(animals)
    votes = np.where(named, detections.score[..., None], 0).sum(1)
    votes = np.add.reduceat(votes[pieces.order], pieces.first[:-1])
    return votes / np.maximum(votes.sum(1, keepdims=True), 1e-9)


def _disagreement(votes: np.ndarray, length: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(E,) 0 where the votes (M, A) call two pieces the same individual or nobody; for two others up to 1, and the
    square root of the shorter one's frames where that is more.
    """
    one, other = edges.T
    if not votes.any():
        return np.zeros(len(edges))
    heard = np.sqrt(np.minimum(np.minimum(length[one], length[other]), MOST_HEARD))
    known = votes.sum(1) > 0
    return np.where(known[one] & known[other], (1 - np.sqrt(votes[one] * votes[other]).sum(1)) * heard, 0)
