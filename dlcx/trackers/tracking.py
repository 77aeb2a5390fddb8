"""The animals of a video, linked: tracklets, stitched into one track an animal, completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.poses import Instances, Layout, Prediction, SwapCandidate, Tracks
from dlcx.trackers.box import Box
from dlcx.trackers.detections import Detections
from dlcx.trackers.ellipse import LEAST, Ellipse
from dlcx.trackers.identity import identity_tracklets, single_animal_tracklets
from dlcx.trackers.keep_order import rows as rows_of
from dlcx.trackers.motion_cost import MotionCost
from dlcx.trackers.reliable_tracklets import ReliableTracklets, body_length
from dlcx.trackers.relink import relink
from dlcx.trackers.skeleton import Skeleton
from dlcx.trackers.stitch import StitchResult, stitch
from dlcx.trackers.swaps import swap_candidates
from dlcx.trackers.tracklets import Motion, Tracklet, build_tracklets

#: What can follow an animal from frame to frame.
METHODS = ("ellipse", "box", "skeleton")
#: Pixels around the lone keypoint of an animal, for boxes.
LONE_SLACK = 40.0


@dataclass(frozen=True)
class Tracking:
    """How animals are linked; the defaults are DeepLabCut 3.0.2's, but for ``relink``.

    Parameters
    ----------
    method
        ``ellipse``, ``box`` or ``skeleton``.
    pcutoff
        Keypoints less certain count as unseen.
    threshold
        Least likeness of an animal and what a tracker expects (ellipse, box).
    slack
        Pixels around the keypoints (box).
    max_age
        Frames that a tracker outlives its animal.
    min_hits
        Frames in which an animal must be seen before a tracklet begins.
    identity_only
        No tracker: link by the votes of a net with an identity head alone.
    min_length
        Frames that a tracklet needs to shape the tracks; shorter ones fill gaps.
    max_gap
        Frames that a track may jump; default: one and a half times the longest gap that must be jumped.
    relink
        Link all detections once more at once, see :mod:`dlcx.trackers.relink`; else tracks are DeepLabCut's.
    """

    method: str = "ellipse"
    pcutoff: float = 0.1
    threshold: float = 0.6
    slack: float = 0.0
    max_age: int = 1
    min_hits: int = 1
    identity_only: bool = False
    min_length: int = 10
    max_gap: int | None = None
    relink: bool = True

    def motion(self, parts: int) -> Motion:
        """What follows animals of so many keypoints."""
        if self.method == "ellipse":
            return Ellipse(threshold=self.threshold)
        if self.method == "box":
            slack = max(self.slack, LONE_SLACK) if parts < LEAST - 1 else self.slack
            return Box(slack=slack, threshold=self.threshold)
        return Skeleton(parts)


@dataclass(frozen=True)
class LinkResult:
    """What linking found: tracklets, tracks, where two of these may be swapped, and how they were stitched, if so."""

    detections: Detections
    tracklets: list[Tracklet]
    tracks: Tracks
    swaps: tuple[SwapCandidate, ...]
    stitched: StitchResult | None = None

    @property
    def linked(self) -> int:
        """How many detections are in a track."""
        return int(np.isfinite(self.tracks.xy).any((2, 3)).sum())

    @property
    def seen(self) -> int:
        """How many individuals are somewhere in the video."""
        return int(np.isfinite(self.tracks.xy).any((0, 2, 3)).sum())


def link(predictions: Sequence[Prediction], layout: Layout, tracking: Tracking, first: int = 0) -> LinkResult:
    """Link the animals of the frames ``first``, ``first + 1``, ... into one track an individual of the layout.

    There are never more tracks than individuals; where nobody is, a track is nan.
    """
    animals, parts = len(layout.individuals), len(layout.bodyparts)
    detections = Detections.of(predictions, parts, first=first, pcutoff=tracking.pcutoff, outside=animals == 1)
    if animals == 1:
        tracklets = single_animal_tracklets(detections)
    elif tracking.identity_only:
        tracklets = identity_tracklets(detections, animals)
    else:
        motion = tracking.motion(parts)
        tracklets = build_tracklets(detections, motion, max_age=tracking.max_age, min_hits=tracking.min_hits)
    stitched: StitchResult | None = None
    swaps: tuple[SwapCandidate, ...] = ()
    if animals > 1 and len(detections):
        body = body_length(detections)
        pieces = ReliableTracklets.of(detections, body)
        jumps = MotionCost.learn(detections, pieces, body)
        if tracking.relink and not tracking.identity_only:
            rows = _in_order(detections, relink(detections, pieces, jumps, animals, _links(tracklets)))
        else:
            stitched = _stitched(detections, tracklets, animals, tracking)
            rows = stitched.rows(detections.frames, animals)
        swaps = swap_candidates(detections, rows, jumps, layout.individuals)
    else:
        stitched = _stitched(detections, tracklets, animals, tracking)
        rows = stitched.rows(detections.frames, animals)
    return LinkResult(detections, tracklets, _tracks(detections, rows, predictions, layout), swaps, stitched)


def _stitched(detections: Detections, tracklets: Sequence[Tracklet], animals: int, tracking: Tracking) -> StitchResult:
    return stitch(detections, tracklets, animals, min_length=tracking.min_length, max_gap=tracking.max_gap)


def _links(tracklets: Sequence[Tracklet]) -> np.ndarray:
    """Pairs (L, 2) of detections that follow each other in a tracklet."""
    pairs = [np.stack([one.rows[:-1], one.rows[1:]], 1) for one in tracklets]
    return np.concatenate([np.zeros((0, 2), int), *pairs])


def _in_order(detections: Detections, rows: np.ndarray) -> np.ndarray:
    """The tracks ``rows`` (T, A) by their identities, else as stitching orders them.

    That is by first frame, and within it the last detection first; tracks of nobody come last.
    """
    there = rows >= 0
    if (detections.identity >= 0).any():
        names = [detections.identity[track[seen]] for track, seen in zip(rows.T, there.T, strict=True)]
        votes = np.array([[(named == animal).sum() for animal in range(rows.shape[1])] for named in names])
        one, place = linear_sum_assignment(votes, maximize=True)
        return rows[:, one[np.argsort(place)]]
    start = np.where(there.any(0), there.argmax(0), len(rows))
    first = rows[np.minimum(start, len(rows) - 1), np.arange(rows.shape[1])]
    return rows[:, np.lexsort((-first, start))]


def _tracks(detections: Detections, rows: np.ndarray, predictions: Sequence[Prediction], layout: Layout) -> Tracks:
    """Tracks of the detections ``rows`` (T, A), nan for -1."""
    poses = np.concatenate([detections.poses, np.full((1, *detections.poses.shape[1:]), np.nan)])[rows]
    uniques = [one.unique or Instances.none(len(layout.unique)) for one in predictions]
    unique_xy, unique_score = rows_of(uniques, 1, len(layout.unique))
    return Tracks(layout, poses[..., :2], poses[..., 2], unique_xy[:, 0], unique_score[:, 0], first=detections.first)
