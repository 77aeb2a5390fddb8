"""Stitching: tracklets become one track an animal.

Long pieces of tracklets are joined by minimum-cost flow into the known number of tracks, short ones (*residuals*) are
laid into what is left open.  The rules are DeepLabCut 3.0.2's (Lauer et al., Nature Methods 2022), whose slips with
indices (see docs/deviations.md) are mended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.flow import disjoint_chains, min_cost_chains
from dlcx.trackers.gap_filling import insert_short_segments, join_short_segments
from dlcx.trackers.segments import Piece, join, split_tracklets
from dlcx.trackers.tracklets import Tracklet

#: How much less a gap costs between pieces of the same identity.
SAME_IDENTITY = 0.01
#: Tracklets are never asked to be shorter.
SHORTEST = 3


@dataclass(frozen=True)
class StitchResult:
    """Tracks, and how many long ``pieces`` and short ``residuals`` there were.

    ``feasible`` says whether all long pieces went into exactly the number of tracks asked for.
    """

    tracks: tuple[Piece, ...]
    pieces: int
    residuals: int
    feasible: bool

    def rows(self, frames: int, animals: int) -> np.ndarray:
        """The detection (frames, animals) of every animal in every frame, -1 for none."""
        table = np.full((frames, animals), -1)
        for column, track in enumerate(self.tracks):
            table[track.frames, column] = track.rows
        return table


def stitch(
    detections: Detections,
    tracklets: Sequence[Tracklet],
    animals: int,
    *,
    min_length: int = 10,
    split: bool = True,
    join_residuals: bool = True,
    max_gap: int | None = None,
) -> StitchResult:
    """At most ``animals`` tracks; none where no piece is ``min_length`` frames long.

    Parameters
    ----------
    split
        Cut tracklets where a frame is missing.
    join_residuals
        Join short pieces that follow each other before they are laid in.
    max_gap
        Frames that a track may jump; default: one and a half times the longest gap that must be jumped.

    Returns
    -------
    StitchResult
        Tracks in the order of their identities, those of none in the order of their first pieces.
    """
    long, short = split_tracklets(detections, tracklets, min_length=max(min_length, SHORTEST), split=split)
    if not long:
        return StitchResult((), 0, len(short), feasible=False)
    if join_residuals:
        short = join_short_segments(short)
    gap = longest_needed_gap(long) if max_gap is None else max_gap
    chains = min_cost_chains(len(long), *_edges(long, gap), animals)
    feasible = chains is not None
    if chains is None:
        chains, left = _fewer_chains(long, gap, animals)
        short = [*short, *(long[index] for index in left)]
    tracks = insert_short_segments([join([long[index] for index in chain]) for chain in chains], short)
    return StitchResult(tuple(sorted(tracks, key=lambda track: track.identity)), len(long), len(short), feasible)


def longest_needed_gap(pieces: Sequence[Piece]) -> int:
    """One and a half times the longest of the gaps from each piece to the nearest one that begins later."""
    starts, ends = _frames(pieces)
    following = np.searchsorted(starts, ends, side="right")
    there = following < len(pieces)
    gaps = starts[following[there]] - ends[there]
    return int(1.5 * gaps.max()) if len(gaps) else 0


def _frames(pieces: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray]:
    """First and last frames (M,), the first ones rising."""
    return np.array([piece.start for piece in pieces]), np.array([piece.end for piece in pieces])


def _edges(pieces: Sequence[Piece], max_gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Which pieces may follow each other (E, 2), and what that costs (E,): the distance to jump, in hundredths."""
    starts, ends = _frames(pieces)
    begin = np.searchsorted(starts, ends, side="right")
    count = np.searchsorted(starts, ends + max_gap, side="right") - begin
    one = np.repeat(np.arange(len(pieces)), count)
    other = np.arange(len(one)) - np.repeat(np.cumsum(count) - count - begin, count)
    first = np.array([piece.first_centroid for piece in pieces])
    last = np.array([piece.last_centroid for piece in pieces])
    distance = np.linalg.norm(last[one] - first[other], axis=1)
    identity = np.array([piece.identity for piece in pieces])
    if (identity != -1).any():
        distance = distance * np.where(identity[one] == identity[other], SAME_IDENTITY, 1)
    return np.stack([one, other], 1), np.floor(100 * distance)


def _fewer_chains(pieces: Sequence[Piece], max_gap: float, animals: int) -> tuple[list[list[int]], list[int]]:
    """Chains where not every piece fits into one of ``animals``, and the pieces that are in none.

    As many chains as there are from the first to begin to the last to end without sharing a piece; of what is left, one
    more, or the missing ones over any gap.
    """
    order = range(len(pieces))
    begins = sorted(order, key=lambda index: pieces[index].start)[:animals]
    stops = sorted(order, key=lambda index: pieces[index].end)[-animals:]
    chains = disjoint_chains(len(pieces), begins, stops, _edges(pieces, max_gap)[0])
    used = {index for chain in chains for index in chain}
    left = [index for index in order if index not in used]
    missing = animals - len(chains)
    if missing == 1 and left:
        smooth = _smoothest(pieces, left)
        return [*chains, smooth], [index for index in left if index not in smooth]
    if missing > 1 and left:
        others = [pieces[index] for index in left]
        more = min_cost_chains(len(left), *_edges(others, others[-1].end), missing)
        if more is not None:
            return [*chains, *([left[index] for index in chain] for chain in more)], []
    return chains, left


def _smoothest(pieces: Sequence[Piece], left: Sequence[int]) -> list[int]:
    """Of pieces that overlap those that move more evenly, in order."""
    kept: list[int] = []
    for index in left:
        rivals = [other for other in kept if np.isin(pieces[other].frames, pieces[index].frames).any()]
        if all(pieces[index].jerkiness <= pieces[other].jerkiness for other in rivals):
            kept = [other for other in kept if other not in rivals] + [index]
    return kept
