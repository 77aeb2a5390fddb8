"""Pieces of tracks within which nobody can be mistaken, and how far apart two poses are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections

#: A link is safe when its detections are nearer to each other than this share of the way to any other one.
SAFE_SHARE = 0.25
#: ... and than this share of a body length.
SAFE_STEP = 0.5
#: A body is at least so many steps from frame to frame long.
BODY_STEPS = 8.0
#: Pairs of poses that are compared at once, for the memory's sake.
PAIRS = 50_000


@dataclass(frozen=True, eq=False)
class ReliableTracklets:
    """Detections that follow each other without doubt: ``order`` (R,) sorted by piece, ``first`` (M + 1,) into it.

    Pieces are sorted by their ``start``, the first frame (M,); ``end`` is the last one.
    """

    order: np.ndarray
    first: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, piece: int) -> np.ndarray:
        """Detections of a piece, by frame."""
        return self.order[self.first[piece] : self.first[piece + 1]]

    @property
    def head(self) -> np.ndarray:
        """First detections (M,)."""
        return self.order[self.first[:-1]]

    @property
    def tail(self) -> np.ndarray:
        """Last detections (M,)."""
        return self.order[self.first[1:] - 1]

    @property
    def length(self) -> np.ndarray:
        """Detections (M,) of each."""
        return np.diff(self.first)

    def some(self, chosen: np.ndarray) -> ReliableTracklets:
        """The pieces of these rising numbers."""
        order = np.concatenate([self.order[:0], *(self.rows(piece) for piece in chosen.tolist())])
        first = np.concatenate([[0], np.cumsum(self.length[chosen])])
        return ReliableTracklets(order, first, self.start[chosen], self.end[chosen])

    @classmethod
    def of(cls, detections: Detections, body: float) -> ReliableTracklets:
        """The pieces of all detections; ``body`` is an animal's length in pixels."""
        piece = np.arange(len(detections))
        for one, other in _safe_links(detections, body).tolist():  # by frame, so a predecessor knows its piece already
            piece[other] = piece[one]
        order = np.argsort(piece, kind="stable")
        first = np.flatnonzero(np.diff(piece[order], prepend=-1, append=-1))
        frame = detections.frame[order]
        return cls(order, first, frame[first[:-1]], frame[first[1:] - 1])


def body_length(detections: Detections) -> float:
    """Pixels: the diagonal of the box around a pose, of which a quarter are larger.

    Lone keypoints have no size, and animals may dart, or frames be few: at least :data:`BODY_STEPS` times the median
    way to the nearest detection of the next frame.
    """
    size = np.nanmax(detections.xy, axis=1) - np.nanmin(detections.xy, axis=1)
    diagonal = float(np.quantile(np.linalg.norm(size, axis=1), 0.75))
    pairs = _neighbours(detections)
    if not len(pairs):
        return max(diagonal, 1.0)
    middle = detections.centroid
    way = np.linalg.norm(middle[pairs[:, 1]] - middle[pairs[:, 0]], axis=1)
    begins = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    return max(diagonal, BODY_STEPS * float(np.median(np.minimum.reduceat(way, begins))), 1.0)


def apart(detections: Detections, one: np.ndarray, other: np.ndarray, moved: np.ndarray, most: float) -> np.ndarray:
    """(P,) mean distance of the keypoints that two detections share, after the first one has ``moved`` (P, 2).

    A keypoint counts as at most ``most`` pixels away; without shared keypoints, the centroids' distance does.
    """
    middle = detections.centroid
    apart = np.minimum(np.linalg.norm(middle[other] - middle[one] - moved, axis=1), most)
    for begin in range(0, len(one), PAIRS):
        part = slice(begin, begin + PAIRS)
        away = detections.xy[other[part]] - detections.xy[one[part]] - moved[part, None]
        distance = np.hypot(away[..., 0], away[..., 1])
        shared = np.isfinite(distance)
        total, count = np.minimum(distance, most).sum(1, where=shared), shared.sum(1)
        np.divide(total, count, out=apart[part], where=count > 0)
    return apart


def _neighbours(detections: Detections) -> np.ndarray:
    """All pairs (P, 2) of detections in consecutive frames."""
    starts = np.searchsorted(detections.frame, np.arange(detections.frames + 1))
    nxt = detections.frame + 1
    begin, count = starts[nxt], starts[np.minimum(nxt + 1, detections.frames)] - starts[nxt]
    one = np.repeat(np.arange(len(detections)), count)
    other = np.arange(len(one)) - np.repeat(np.cumsum(count) - count - begin, count)
    return np.stack([one, other], 1)


def _safe_links(detections: Detections, body: float) -> np.ndarray:
    """Pairs (L, 2), by frame, that are far nearer to each other than to any other detection of the two frames."""
    pairs = _neighbours(detections)
    if not len(pairs):
        return pairs
    distance = apart(detections, pairs[:, 0], pairs[:, 1], np.zeros((len(pairs), 2)), 2 * body)
    rivals = np.minimum(_second(distance, pairs[:, 0]), _second(distance, pairs[:, 1]))
    safe = (distance < SAFE_STEP * body) & (distance < SAFE_SHARE * rivals)
    return pairs[safe]


def _second(distance: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """(P,) the least distance of the other pairs of the same owner."""
    order = np.lexsort((distance, owner))
    begins = np.flatnonzero(np.diff(owner[order], prepend=-1))
    sizes = np.diff(np.append(begins, len(owner)))
    least = distance[order][begins]
    following = np.where(sizes > 1, distance[order][np.minimum(begins + 1, len(owner) - 1)], np.inf)
    rank_first = np.zeros(len(owner), bool)
    rank_first[order[begins]] = True
    group = np.zeros(len(owner), int)
    group[order] = np.repeat(np.arange(len(begins)), sizes)
    return np.where(rank_first, following[group], least[group])
