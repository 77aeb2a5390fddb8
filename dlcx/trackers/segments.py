"""Segments of tracks: detections of one animal, at most one per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet


@dataclass(frozen=True, eq=False)
class TrackSegment:
    """Part of a track.

    Parameters
    ----------
    detections
        All detections of the video.
    rows
        Rows (n,) of the segment's detections, at most one per frame, in the order of frames.
    """

    detections: Detections
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def frames(self) -> np.ndarray:
        """Frames of the detections, (n,)."""
        result: np.ndarray = self.detections.frame[self.rows]
        return result

    @property
    def start(self) -> int:
        """First frame."""
        return int(self.frames[0])

    @property
    def end(self) -> int:
        """Last frame."""
        return int(self.frames[-1])

    @cached_property
    def centroid(self) -> np.ndarray:
        """Centroids of the detections, (n, 2) in pixels."""
        result: np.ndarray = self.detections.centroid[self.rows]
        return result

    @property
    def first_centroid(self) -> np.ndarray:
        """Centroid of the first detection, (2,)."""
        result: np.ndarray = self.detections.centroid[self.rows[0]]
        return result

    @property
    def last_centroid(self) -> np.ndarray:
        """Centroid of the last detection, (2,)."""
        result: np.ndarray = self.detections.centroid[self.rows[-1]]
        return result

    @cached_property
    def jerkiness(self) -> float:
        """Mean change of the centroid's velocity from frame to frame, in pixels."""
        changes = np.linalg.norm(np.diff(self.centroid, n=2, axis=0), axis=1)
        return float(changes.mean()) if len(changes) else 0.0

    @cached_property
    def identity(self) -> int:
        """The individual that most keypoints name, -1 for none."""
        names = self.detections.identity[self.rows]
        names = names[np.isfinite(names)].astype(int)
        if not len(names):
            return -1
        values, counts = np.unique(names, return_counts=True)
        return int(values[counts.argmax()])


def split_tracklets(
    detections: Detections, tracklets: Sequence[Tracklet], *, min_length: int, at_gaps: bool
) -> tuple[list[TrackSegment], list[TrackSegment]]:
    """Turn tracklets into segments.

    Parameters
    ----------
    detections
        All detections of the video.
    tracklets
        The tracklets to split.
    min_length
        Minimum number of frames of a long segment.
    at_gaps
        Split tracklets where a frame is missing.

    Returns
    -------
    tuple of list of TrackSegment
        Long segments by their first frame, and short segments.
    """
    long: list[TrackSegment] = []
    short: list[TrackSegment] = []
    for tracklet in tracklets:
        gaps = np.diff(detections.frame[tracklet.rows]) > 1
        cuts: np.ndarray | list[int] = np.flatnonzero(gaps) + 1 if at_gaps else []
        for rows in np.split(tracklet.rows, cuts):
            (long if len(rows) >= min_length else short).append(TrackSegment(detections, rows))
    return sorted(long, key=lambda segment: segment.start), short


def join_segments(segments: Sequence[TrackSegment]) -> TrackSegment:
    """Join segments that share no frame into one."""
    rows = np.concatenate([segment.rows for segment in segments])
    return TrackSegment(segments[0].detections, np.sort(rows))
