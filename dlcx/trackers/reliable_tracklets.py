"""Find tracklets in which no animal can be confused with another one, and measure distances between poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.pairs import pairs_with_ranges

#: A link is reliable if its distance is below this share of the distance to any other detection ...
MAX_RELATIVE_DISTANCE = 0.25
#: ... and below this share of a body length.
MAX_STEP = 0.5
#: Minimum length of a body in median steps from frame to frame.
BODY_STEPS = 8.0
#: Number of pairs of poses that are compared at once, to limit memory.
PAIRS_PER_BLOCK = 50_000


@dataclass(frozen=True, eq=False)
class ReliableTracklets:
    """M tracklets that contain all R detections, sorted by their first frame.

    Parameters
    ----------
    order
        Detections (R,) sorted by tracklet and frame.
    first
        Position (M + 1,) in ``order`` at which each tracklet begins.
    start, end
        First and last frame of each tracklet, (M,).
    """

    order: np.ndarray
    first: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, tracklet: int) -> np.ndarray:
        """Detections of a tracklet, by frame."""
        return self.order[self.first[tracklet] : self.first[tracklet + 1]]

    @property
    def head(self) -> np.ndarray:
        """First detection of each tracklet, (M,)."""
        result: np.ndarray = self.order[self.first[:-1]]
        return result

    @property
    def tail(self) -> np.ndarray:
        """Last detection of each tracklet, (M,)."""
        result: np.ndarray = self.order[self.first[1:] - 1]
        return result

    @property
    def length(self) -> np.ndarray:
        """Number of detections of each tracklet, (M,)."""
        return np.diff(self.first)

    def subset(self, chosen: np.ndarray) -> ReliableTracklets:
        """The tracklets with these indices, which must be ascending."""
        order = np.concatenate([self.order[:0], *(self.rows(tracklet) for tracklet in chosen.tolist())])
        first = np.concatenate([[0], np.cumsum(self.length[chosen])])
        return ReliableTracklets(order, first, self.start[chosen], self.end[chosen])

    @classmethod
    def of(cls, detections: Detections, body: float) -> ReliableTracklets:
        """Link detections of consecutive frames wherever that is unambiguous.

        Parameters
        ----------
        detections
            All detections of the video.
        body
            Length of an animal in pixels, see :func:`body_length`.
        """
        tracklet = np.arange(len(detections))
        for one, other in _reliable_links(detections, body).tolist():  # by frame, so predecessors are complete
            tracklet[other] = tracklet[one]
        order = np.argsort(tracklet, kind="stable")
        first = np.flatnonzero(np.diff(tracklet[order], prepend=-1, append=-1))
        frame = detections.frame[order]
        return cls(order, first, frame[first[:-1]], frame[first[1:] - 1])


def body_length(detections: Detections) -> float:
    """Estimate the length of an animal.

    The length is the upper quartile of the diagonals of the poses' bounding boxes.  Single keypoints have no size,
    animals may move fast, and the frame rate may be low.  The length is therefore at least :data:`BODY_STEPS` times the
    median distance to the nearest detection in the next frame.

    Parameters
    ----------
    detections
        At least one detection.

    Returns
    -------
    float
        Length in pixels, at least 1.
    """
    size = np.nanmax(detections.xy, axis=1) - np.nanmin(detections.xy, axis=1)
    diagonal = float(np.quantile(np.linalg.norm(size, axis=1), 0.75))
    pairs = _consecutive_pairs(detections)
    if not len(pairs):
        return max(diagonal, 1.0)
    centroid = detections.centroid
    distance = np.linalg.norm(centroid[pairs[:, 1]] - centroid[pairs[:, 0]], axis=1)
    begins = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    return max(diagonal, BODY_STEPS * float(np.median(np.minimum.reduceat(distance, begins))), 1.0)


def pose_distance(
    detections: Detections, one: np.ndarray, other: np.ndarray, displacement: np.ndarray, max_distance: float
) -> np.ndarray:
    """Compute the mean distance of the keypoints that pairs of detections share.

    Parameters
    ----------
    detections
        All detections.
    one, other
        Rows of the detections of each pair, (P,).
    displacement
        Expected motion from the first to the second detection, (P, 2) in pixels.
    max_distance
        Upper limit of the distance of a single keypoint, in pixels.

    Returns
    -------
    numpy.ndarray
        (P,) in pixels; for pairs without shared keypoints, the distance of the centroids.
    """
    centroid = detections.centroid
    result: np.ndarray = np.minimum(
        np.linalg.norm(centroid[other] - centroid[one] - displacement, axis=1), max_distance
    )
    for begin in range(0, len(one), PAIRS_PER_BLOCK):
        block = slice(begin, begin + PAIRS_PER_BLOCK)
        offset = detections.xy[other[block]] - detections.xy[one[block]] - displacement[block, None]
        distance = np.hypot(offset[..., 0], offset[..., 1])
        shared = np.isfinite(distance)
        total, count = np.minimum(distance, max_distance).sum(1, where=shared), shared.sum(1)
        np.divide(total, count, out=result[block], where=count > 0)
    return result


def _consecutive_pairs(detections: Detections) -> np.ndarray:
    """All pairs (P, 2) of detections in consecutive frames."""
    starts = np.searchsorted(detections.frame, np.arange(detections.frames + 1))
    following = detections.frame + 1
    return pairs_with_ranges(starts[following], starts[np.minimum(following + 1, detections.frames)])


def _reliable_links(detections: Detections, body: float) -> np.ndarray:
    """Pairs (L, 2), by frame, that are much closer to each other than to other detections of the two frames."""
    pairs = _consecutive_pairs(detections)
    if not len(pairs):
        return pairs
    distance = pose_distance(detections, pairs[:, 0], pairs[:, 1], np.zeros((len(pairs), 2)), 2 * body)
    rivals = np.minimum(_nearest_rival(distance, pairs[:, 0]), _nearest_rival(distance, pairs[:, 1]))
    reliable = (distance < MAX_STEP * body) & (distance < MAX_RELATIVE_DISTANCE * rivals)
    result: np.ndarray = pairs[reliable]
    return result


def _nearest_rival(distance: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Smallest distance among the other pairs of the same owner, for each pair (P,)."""
    order = np.lexsort((distance, owner))
    begins = np.flatnonzero(np.diff(owner[order], prepend=-1))
    sizes = np.diff(np.append(begins, len(owner)))
    nearest = distance[order][begins]
    second = np.where(sizes > 1, distance[order][np.minimum(begins + 1, len(owner) - 1)], np.inf)
    is_nearest = np.zeros(len(owner), bool)
    is_nearest[order[begins]] = True
    group = np.zeros(len(owner), int)
    group[order] = np.repeat(np.arange(len(begins)), sizes)
    return np.where(is_nearest, second[group], nearest[group])
