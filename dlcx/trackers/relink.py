"""All detections of a video linked at once: dlcx's own last word on tracks.

Stitching after DeepLabCut loses the first frames of tracklets, keeps the swaps within them, and lays short pieces
wherever there is room.  Here the video's detections are cut into pieces within which nobody can be mistaken, and the
pieces are joined by a minimum-cost flow (Zhang, Li & Nevatia, CVPR 2008) of at most as many chains as there are
animals.  A piece may be left out, as false detections should be.  What a jump costs is learned from the video itself.
"""

from __future__ import annotations

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.flow import cheapest_chains
from dlcx.trackers.jumps import SPEED_FRAMES, Jumps, lost
from dlcx.trackers.safe_pieces import SafePieces

#: Frames within which pieces may follow each other whatever they are; farther apart the next long ones may.
NEAR_GAP, NEXT_LONG, LONG = 60, 12, 8
#: What a detection is worth, with all keypoints and full score, in the units of a jump's cost.
WORTH = 6.0
#: How much cheaper a link is that the tracker made too.
TRACKER_AGREES = 0.25
#: What it costs that votes call two pieces different individuals; more for longer ones, up to so many frames.
SAME_IDENTITY, MOST_HEARD = 6.0, 25


def relink(
    detections: Detections, pieces: SafePieces, jumps: Jumps, animals: int, tracker_links: np.ndarray
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
    edges = _candidates(pieces)
    one, other = edges.T
    cost = jumps.cost(detections, pieces.tail[one], pieces.head[other], _speed(detections, pieces, edges))
    cost -= TRACKER_AGREES * _told(pieces, edges, tracker_links)
    cost += SAME_IDENTITY * _disagreement(detections, pieces, edges, animals)
    chains = cheapest_chains(
        len(pieces),
        edges,
        np.maximum(cost, 0),
        animals,
        begin=lost(pieces.start),
        end=lost(detections.frames - 1 - pieces.end),
        skipped=_worth(detections, pieces),
    )
    for column, chain in enumerate(chains or []):
        rows = np.concatenate([pieces.rows(piece) for piece in chain])
        table[detections.frame[rows], column] = rows
    return table


def _worth(detections: Detections, pieces: SafePieces) -> np.ndarray:
    """(M,) what it costs to leave a piece out."""
    seen = np.isfinite(detections.xy).all(-1)
    sure = np.where(seen, detections.score, 0).mean(1).clip(0, 1)
    return np.add.reduceat(WORTH * np.sqrt(sure[pieces.order]), pieces.first[:-1])


def _candidates(pieces: SafePieces) -> np.ndarray:
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


def _speed(detections: Detections, pieces: SafePieces, edges: np.ndarray) -> np.ndarray:
    """(E, 2) pixels a frame between two pieces: those of their ends, of which the longer piece knows more."""
    middle, reach = detections.centroid, np.minimum(pieces.length - 1, SPEED_FRAMES)
    inner, outer = pieces.order[pieces.first[:-1] + reach], pieces.order[pieces.first[1:] - 1 - reach]
    frames = np.maximum(reach, 1)[:, None]
    at_head, at_tail = (middle[inner] - middle[pieces.head]) / frames, (middle[pieces.tail] - middle[outer]) / frames
    weight = np.minimum(pieces.length - 1, 2)[edges] / 2.0
    weight /= np.maximum(weight.sum(1, keepdims=True), 1)
    return weight[:, :1] * at_tail[edges[:, 0]] + weight[:, 1:] * at_head[edges[:, 1]]


def _told(pieces: SafePieces, edges: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Which edges (E,) join detections that the tracker joined."""
    if not len(links):
        return np.zeros(len(edges), bool)
    size = int(links.max()) + 1
    joined = links[:, 0] * size + links[:, 1]
    tail, head = pieces.tail[edges[:, 0]], pieces.head[edges[:, 1]]
    return np.isin(tail * size + head, joined) & (head < size)


def _disagreement(detections: Detections, pieces: SafePieces, edges: np.ndarray, animals: int) -> np.ndarray:
    """(E,) 0 where the keypoints' votes call two pieces the same individual or nobody; for two others up to 1,
    and the square root of the shorter one's frames where that is more.
    """
    voted = np.where(np.isfinite(detections.identity), detections.identity, -1)
    named = voted[..., None] == np.arange(animals)
    votes = np.where(named, detections.score[..., None], 0).sum(1)
    votes = np.add.reduceat(votes[pieces.order], pieces.first[:-1])
    total = votes.sum(1)
    share = votes / np.maximum(total, 1e-9)[:, None]
    one, other = edges.T
    heard = np.sqrt(np.minimum(np.minimum(pieces.length[one], pieces.length[other]), MOST_HEARD))
    known = (total[one] > 0) & (total[other] > 0)
    return np.where(known, (1 - np.sqrt(share[one] * share[other]).sum(1)) * heard, 0)
