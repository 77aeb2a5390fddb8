"""What it costs to believe that an animal seen here is the one seen there, learned from the video itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.reliable_tracklets import ReliableTracklets, apart

#: Lags (frames) at which the motion is measured; between them it is interpolated.
LAGS = np.array([1, 2, 3, 5, 8, 12, 20, 35, 60, 100])
#: Frames over which speed is measured, and over which an animal keeps it.
SPEED_FRAMES, KEEPS_SPEED = 4, 4.0
#: Steepness of the cost of being elsewhere; a tail as of Cauchy's distribution, since animals dart.
TAIL = 1.5
#: Of a frame in which an animal is not found after one in which it was, of each further one, of all at most.
LOST, STAYS_LOST, MOST_LOST = 1.5, 0.3, 15.0
#: Share of a body length that even a resting animal may move in a frame; more in more, as in a random walk.
LEAST_MOTION = 0.01
#: What is taken where nothing can be learned.
UNKNOWN_MOTION = 0.1
#: Samples of the motion at each lag, at least and at most.
SAMPLES = 20, 2_000


@dataclass(frozen=True)
class MotionCost:
    """Costs are negative log-likelihoods, up to a constant.

    ``usual`` (lags,) is how far an animal is, after each of :data:`LAGS`, from where its motion would have brought it,
    the median in pixels; ``body`` is its length.
    """

    usual: np.ndarray
    body: float

    @classmethod
    def learn(cls, detections: Detections, pieces: ReliableTracklets, body: float) -> MotionCost:
        """From the safe pieces of a video; where they are too short, distances grow as in a random walk."""
        middle, length = detections.centroid, pieces.length
        position = np.arange(len(detections)) - np.repeat(pieces.first[:-1], length)
        left = np.repeat(length, length) - position
        usual = []
        for lag in LAGS.tolist():
            at = np.flatnonzero((position >= SPEED_FRAMES) & (left > lag + SPEED_FRAMES))
            if len(at) < SAMPLES[0]:
                break
            at = at[:: max(len(at) // SAMPLES[1], 1)]
            one, other = pieces.order[at], pieces.order[at + lag]
            before = (middle[one] - middle[pieces.order[at - SPEED_FRAMES]]) / SPEED_FRAMES
            after = (middle[pieces.order[at + lag + SPEED_FRAMES]] - middle[other]) / SPEED_FRAMES
            moved = (before + after) / 2 * _carried(np.array(lag))
            usual.append(float(np.median(apart(detections, one, other, moved, 4 * body))))
        if not usual:
            usual = [UNKNOWN_MOTION * body]
        known = len(usual)
        grown = usual[-1] * np.sqrt(LAGS[known:] / LAGS[known - 1])
        still = LEAST_MOTION * body * np.sqrt(LAGS)
        return cls(np.maximum.accumulate(np.maximum([*usual, *grown], still)), body)

    def cost(self, detections: Detections, one: np.ndarray, other: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """(E,) of going from the detections ``one`` to the later ``other`` (E,), at a speed (E, 2), pixels a frame."""
        gap = detections.frame[other] - detections.frame[one]
        moved = speed * _carried(gap.astype(float))[:, None]
        distance = apart(detections, one, other, moved, 8 * self.body)
        scale = np.interp(gap, LAGS, self.usual)
        return TAIL * np.log1p((distance / scale) ** 2) + np.log(scale / self.usual[0]) + lost(gap - 1)


def lost(frames: np.ndarray) -> np.ndarray:
    """What it costs not to find an animal in so many frames in a row."""
    return np.where(frames > 0, np.minimum(LOST + STAYS_LOST * (frames - 1), MOST_LOST), 0)


def _carried(frames: np.ndarray) -> np.ndarray:
    """How far an animal gets in so many frames while its speed decays, in frames of full speed."""
    return KEEPS_SPEED * (1 - np.exp(-frames / KEEPS_SPEED))
