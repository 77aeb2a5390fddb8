"""Track the animals of a video: build tracklets, link or stitch them, and put the tracks in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.poses import Instances, Layout, Prediction, SwapCandidate, Tracks
from dlcx.trackers.box import Box
from dlcx.trackers.detections import Detections
from dlcx.trackers.ellipse import MIN_KEYPOINTS, Ellipse
from dlcx.trackers.identity import identity_tracklets, single_animal_tracklets
from dlcx.trackers.keep_order import stack_instances
from dlcx.trackers.motion_cost import MotionCost
from dlcx.trackers.reliable_tracklets import ReliableTracklets, body_length
from dlcx.trackers.relink import relink
from dlcx.trackers.skeleton import Skeleton
from dlcx.trackers.stitch import StitchResult, stitch
from dlcx.trackers.swap_candidates import find_swap_candidates
from dlcx.trackers.tracklets import MotionModel, Tracklet, build_tracklets

#: Names of the trackers that follow animals from frame to frame.
METHODS = ("ellipse", "box", "skeleton")
#: Minimum pixels around the keypoint of animals with a single keypoint, for boxes.
SINGLE_KEYPOINT_MARGIN = 40.0


@dataclass(frozen=True)
class Tracking:
    """Settings of tracking; the defaults are those of DeepLabCut 3.0.2, except for ``relink``.

    Parameters
    ----------
    method
        ``ellipse``, ``box`` or ``skeleton``.
    pcutoff
        Keypoints with a lower score count as unseen.
    threshold
        Minimum similarity of an animal to a tracker's prediction (ellipse, box).
    slack
        Pixels added to each side of the box around the keypoints (box).
    max_age
        Maximum number of frames that a tracker continues without a detection.
    min_hits
        Minimum number of consecutive detections before a tracklet begins.
    identity_only
        Link by the identity scores of the network alone, without a tracker.
    min_length
        Minimum number of frames of the tracklets that form tracks; shorter ones only fill gaps.
    max_gap
        Maximum number of frames that a track may bridge; default: 1.5 times the longest gap that must be bridged.
    relink
        Link all detections globally after tracking, see :mod:`dlcx.trackers.relink`.  False gives DeepLabCut's tracks.
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

    def motion_model(self, parts: int) -> MotionModel:
        """The motion model for animals with ``parts`` keypoints."""
        if self.method == "ellipse":
            return Ellipse(threshold=self.threshold)
        if self.method == "box":
            margin = max(self.slack, SINGLE_KEYPOINT_MARGIN) if parts < MIN_KEYPOINTS - 1 else self.slack
            return Box(margin=margin, threshold=self.threshold)
        return Skeleton(parts)


@dataclass(frozen=True)
class LinkResult:
    """Tracks of a video and how they came about.

    Parameters
    ----------
    detections
        All detections.
    tracklets
        Tracklets of the tracker.
    tracks
        One track per individual.
    swaps
        Frames in which two tracks may be swapped.
    stitched
        Result of stitching; None if the detections were linked globally.
    """

    detections: Detections
    tracklets: list[Tracklet]
    tracks: Tracks
    swaps: tuple[SwapCandidate, ...]
    stitched: StitchResult | None = None

    @property
    def linked(self) -> int:
        """Number of detections in tracks."""
        return int(np.isfinite(self.tracks.xy).any((2, 3)).sum())

    @property
    def seen(self) -> int:
        """Number of individuals with a pose in at least one frame."""
        return int(np.isfinite(self.tracks.xy).any((0, 2, 3)).sum())


def link(predictions: Sequence[Prediction], layout: Layout, tracking: Tracking, first: int = 0) -> LinkResult:
    """Link the animals of consecutive frames into one track per individual.

    Parameters
    ----------
    predictions
        One entry per frame, in pixels of the full image.
    layout
        Bodyparts and individuals of the project; there are never more tracks than individuals.
    tracking
        Settings.
    first
        Number of the first frame in the video.

    Returns
    -------
    LinkResult
        Tracks, tracklets and possible swaps.

    Examples
    --------
    >>> result = link(predictions, layout, Tracking(method="box"))  # doctest: +SKIP
    >>> result.tracks.xy.shape  # frames, individuals, bodyparts, x and y  # doctest: +SKIP
    (1800, 3, 12, 2)
    """
    animals, parts = len(layout.individuals), len(layout.bodyparts)
    detections = Detections.of(predictions, parts, first=first, pcutoff=tracking.pcutoff, keep_negative=animals == 1)
    if animals == 1:
        tracklets = single_animal_tracklets(detections)
    elif tracking.identity_only:
        tracklets = identity_tracklets(detections, animals)
    else:
        motion = tracking.motion_model(parts)
        tracklets = build_tracklets(detections, motion, max_age=tracking.max_age, min_hits=tracking.min_hits)
    stitched: StitchResult | None = None
    swaps: tuple[SwapCandidate, ...] = ()
    if animals > 1 and len(detections):
        body = body_length(detections)
        reliable = ReliableTracklets.of(detections, body)
        cost = MotionCost.estimate(detections, reliable, body)
        if tracking.relink and not tracking.identity_only:
            rows = _order_tracks(detections, relink(detections, reliable, cost, animals, _links(tracklets)))
        else:
            stitched = _stitch(detections, tracklets, animals, tracking)
            rows = stitched.rows(detections.frames, animals)
        swaps = find_swap_candidates(detections, rows, cost, layout.individuals)
    else:
        stitched = _stitch(detections, tracklets, animals, tracking)
        rows = stitched.rows(detections.frames, animals)
    return LinkResult(detections, tracklets, _tracks(detections, rows, predictions, layout), swaps, stitched)


def _stitch(detections: Detections, tracklets: Sequence[Tracklet], animals: int, tracking: Tracking) -> StitchResult:
    return stitch(detections, tracklets, animals, min_length=tracking.min_length, max_gap=tracking.max_gap)


def _links(tracklets: Sequence[Tracklet]) -> np.ndarray:
    """Pairs (L, 2) of consecutive detections of tracklets."""
    pairs = [np.stack([one.rows[:-1], one.rows[1:]], 1) for one in tracklets]
    return np.concatenate([np.zeros((0, 2), int), *pairs])


def _order_tracks(detections: Detections, rows: np.ndarray) -> np.ndarray:
    """Sort tracks ``rows`` (T, A) by identity; without identities, sort them as stitching does.

    Stitching sorts by first frame, and within a frame puts the last detection first; empty tracks come last.
    """
    exists = rows >= 0
    if (detections.identity >= 0).any():
        names = [detections.identity[track[seen]] for track, seen in zip(rows.T, exists.T, strict=True)]
        counts = np.array([[(named == animal).sum() for animal in range(rows.shape[1])] for named in names])
        one, individual = linear_sum_assignment(counts, maximize=True)
        return rows[:, one[np.argsort(individual)]]
    start = np.where(exists.any(0), exists.argmax(0), len(rows))
    first = rows[np.minimum(start, len(rows) - 1), np.arange(rows.shape[1])]
    return rows[:, np.lexsort((-first, start))]


def _tracks(detections: Detections, rows: np.ndarray, predictions: Sequence[Prediction], layout: Layout) -> Tracks:
    """Tracks of the detections ``rows`` (T, A); nan where a row is -1."""
    poses = np.concatenate([detections.poses, np.full((1, *detections.poses.shape[1:]), np.nan)])[rows]
    uniques = [one.unique or Instances.empty(len(layout.unique)) for one in predictions]
    unique_xy, unique_score = stack_instances(uniques, 1, len(layout.unique))
    return Tracks(layout, poses[..., :2], poses[..., 2], unique_xy[:, 0], unique_score[:, 0], first=detections.first)
