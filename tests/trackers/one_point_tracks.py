"""Tracklets of animals with one keypoint that move along x."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet


def track(frames: Sequence[int], x: float, identity: float = -1.0) -> list[tuple[int, float, float]]:
    return [(frame, x + frame, identity) for frame in frames]


def made(*tracks: list[tuple[int, float, float]]) -> tuple[Detections, list[Tracklet]]:
    """Detections of one keypoint, one tracklet a list of (frame, x, identity)."""
    flat = sorted((frame, number, x, identity) for number, one in enumerate(tracks) for frame, x, identity in one)
    frame, number, x, identity = (np.array(column) for column in zip(*flat, strict=True))
    xy = np.stack([x, np.zeros(len(x))], -1)[:, None]
    found = Detections(xy, np.ones((len(x), 1)), identity[:, None], frame, int(frame.max()) + 1)
    return found, [Tracklet(one, np.flatnonzero(number == one)) for one in range(len(tracks))]
