"""Pieces of tracks: rows of the detections, of rising frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a track: rows (n,) of ``detections``, one a frame, of rising frames."""

    detections: Detections
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def frames(self) -> np.ndarray:
        """(n,)."""
        return self.detections.frame[self.rows]

    @property
    def start(self) -> int:
        """Its first frame."""
        return int(self.frames[0])

    @property
    def end(self) -> int:
        """Its last frame."""
        return int(self.frames[-1])

    @cached_property
    def centroid(self) -> np.ndarray:
        """(n, 2)."""
        return self.detections.centroid[self.rows]

    @property
    def first_centroid(self) -> np.ndarray:
        """(2,)."""
        return self.detections.centroid[self.rows[0]]

    @property
    def last_centroid(self) -> np.ndarray:
        """(2,)."""
        return self.detections.centroid[self.rows[-1]]

    @cached_property
    def jerkiness(self) -> float:
        """How much the centroid's velocity changes from frame to frame, in the mean, pixels."""
        changes = np.linalg.norm(np.diff(self.centroid, n=2, axis=0), axis=1)
        return float(changes.mean()) if len(changes) else 0.0

    @cached_property
    def identity(self) -> int:
        """The individual that most of its keypoints name, -1 for none."""
        names = self.detections.identity[self.rows]
        names = names[np.isfinite(names)].astype(int)
        if not len(names):
            return -1
        values, counts = np.unique(names, return_counts=True)
        return int(values[counts.argmax()])


def split_tracklets(
    detections: Detections, tracklets: Sequence[Tracklet], *, min_length: int, split: bool
) -> tuple[list[Piece], list[Piece]]:
    """Long pieces by their first frame, and those shorter than ``min_length`` frames.

    With ``split``, tracklets are cut where a frame is missing.
    """
    long: list[Piece] = []
    short: list[Piece] = []
    for tracklet in tracklets:
        cuts: np.ndarray | list[int] = np.flatnonzero(np.diff(detections.frame[tracklet.rows]) > 1) + 1 if split else []
        for rows in np.split(tracklet.rows, cuts):
            (long if len(rows) >= min_length else short).append(Piece(detections, rows))
    return sorted(long, key=lambda piece: piece.start), short


def join(pieces: Sequence[Piece]) -> Piece:
    """One piece of several that share no frame."""
    rows = np.concatenate([piece.rows for piece in pieces])
    return Piece(pieces[0].detections, np.sort(rows))
