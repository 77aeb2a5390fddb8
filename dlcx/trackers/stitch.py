"""Stitch tracklets into one track per animal.

Long segments of tracklets are joined by minimum-cost flow into the known number of tracks; short segments then fill the
remaining gaps.  The rules are those of DeepLabCut 3.0.2 (Lauer et al., Nature Methods 2022), with its indexing errors
corrected (see docs/deviations.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.gap_filling import insert_short_segments, join_short_segments
from dlcx.trackers.min_cost_flow import disjoint_chains, min_cost_chains
from dlcx.trackers.pairs import pairs_with_ranges
from dlcx.trackers.segments import TrackSegment, join_segments, split_tracklets
from dlcx.trackers.tracklets import Tracklet

#: Factor of the cost of a gap between segments of the same identity.
SAME_IDENTITY_FACTOR = 0.01
#: Lower limit of ``min_length``.
MIN_LENGTH = 3
#: Factor between the longest necessary gap and the longest permitted gap.
GAP_FACTOR = 1.5


@dataclass(frozen=True)
class StitchResult:
    """StitchResult tracks.

    Parameters
    ----------
    tracks
        One segment per track.
    long_segments, short_segments
        Number of segments of each kind.
    feasible
        Whether all long segments fit into exactly the requested number of tracks.
    """

    tracks: tuple[TrackSegment, ...]
    long_segments: int
    short_segments: int
    feasible: bool

    def rows(self, frames: int, animals: int) -> np.ndarray:
        """Row of the detection of every animal in every frame, (frames, animals); -1 for none."""
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
    split_at_gaps: bool = True,
    join_short: bool = True,
    max_gap: int | None = None,
) -> StitchResult:
    """Stitch tracklets into at most ``animals`` tracks.

    Parameters
    ----------
    detections
        All detections of the video.
    tracklets
        The tracklets to stitch.
    animals
        Number of animals.
    min_length
        Minimum number of frames of a long segment.  Without any long segment there are no tracks.
    split_at_gaps
        Split tracklets where a frame is missing.
    join_short
        Join short segments that follow each other before they fill gaps.
    max_gap
        Maximum number of frames that a track may bridge; default: 1.5 times the longest gap that must be bridged.

    Returns
    -------
    StitchResult
        Tracks in the order of their identities; tracks without an identity in the order of their first segments.
    """
    long, short = split_tracklets(detections, tracklets, min_length=max(min_length, MIN_LENGTH), at_gaps=split_at_gaps)
    if not long:
        return StitchResult((), 0, len(short), feasible=False)
    if join_short:
        short = join_short_segments(short)
    gap = max_needed_gap(long) if max_gap is None else max_gap
    chains = min_cost_chains(len(long), *_edges(long, gap), animals)
    feasible = chains is not None
    if chains is None:
        chains, left = _partial_chains(long, gap, animals)
        short = [*short, *(long[index] for index in left)]
    tracks = insert_short_segments([join_segments([long[index] for index in chain]) for chain in chains], short)
    return StitchResult(tuple(sorted(tracks, key=lambda track: track.identity)), len(long), len(short), feasible)


def max_needed_gap(segments: Sequence[TrackSegment]) -> int:
    """1.5 times the longest gap between a segment and the next one that starts after it, in frames.

    Parameters
    ----------
    segments
        In the order of their first frames.
    """
    starts, ends = _frames(segments)
    following = np.searchsorted(starts, ends, side="right")
    exists = following < len(segments)
    gaps = starts[following[exists]] - ends[exists]
    return int(GAP_FACTOR * gaps.max()) if len(gaps) else 0


def _frames(segments: Sequence[TrackSegment]) -> tuple[np.ndarray, np.ndarray]:
    """First and last frames (M,) of segments that are sorted by their first frame."""
    return np.array([segment.start for segment in segments]), np.array([segment.end for segment in segments])


def _edges(segments: Sequence[TrackSegment], max_gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of segments that may follow each other (E, 2), and their costs (E,): distances in 1/100 pixels."""
    starts, ends = _frames(segments)
    begin, stop = (np.searchsorted(starts, ends + gap, side="right") for gap in (0, max_gap))
    edges = pairs_with_ranges(begin, stop)
    one, other = edges.T
    first = np.array([segment.first_centroid for segment in segments])
    last = np.array([segment.last_centroid for segment in segments])
    distance = np.linalg.norm(last[one] - first[other], axis=1)
    identity = np.array([segment.identity for segment in segments])
    if (identity != -1).any():
        distance = distance * np.where(identity[one] == identity[other], SAME_IDENTITY_FACTOR, 1)
    return edges, np.floor(100 * distance)


def _partial_chains(
    segments: Sequence[TrackSegment], max_gap: float, animals: int
) -> tuple[list[list[int]], list[int]]:
    """Chains if the segments do not all fit into ``animals`` chains, and the segments that are in none.

    First as many disjoint chains as possible from the earliest starts to the latest ends.  If one chain is missing, the
    smoothest of the remaining segments form it; if several are missing, the remaining segments are joined over any gap.
    """
    order = range(len(segments))
    starts = sorted(order, key=lambda index: segments[index].start)[:animals]
    ends = sorted(order, key=lambda index: segments[index].end)[-animals:]
    chains = disjoint_chains(len(segments), starts, ends, _edges(segments, max_gap)[0])
    used = {index for chain in chains for index in chain}
    left = [index for index in order if index not in used]
    missing = animals - len(chains)
    if missing == 1 and left:
        smooth = _smoothest(segments, left)
        return [*chains, smooth], [index for index in left if index not in smooth]
    if missing > 1 and left:
        others = [segments[index] for index in left]
        more = min_cost_chains(len(left), *_edges(others, others[-1].end), missing)
        if more is not None:
            return [*chains, *([left[index] for index in chain] for chain in more)], []
    return chains, left


def _smoothest(segments: Sequence[TrackSegment], left: Sequence[int]) -> list[int]:
    """Among overlapping segments, those that move most evenly, in order."""
    kept: list[int] = []
    for index in left:
        rivals = [other for other in kept if np.isin(segments[other].frames, segments[index].frames).any()]
        if all(segments[index].jerkiness <= segments[other].jerkiness for other in rivals):
            kept = [other for other in kept if other not in rivals] + [index]
    return kept
