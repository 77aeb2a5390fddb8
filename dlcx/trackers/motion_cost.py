"""Cost of linking two detections across a gap, with typical motion estimated from the video itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.trackers.detections import Detections
from dlcx.trackers.reliable_tracklets import ReliableTracklets, pose_distance

#: Lags in frames at which motion is measured; it is interpolated between them.
LAGS = np.array([1, 2, 3, 5, 8, 12, 20, 35, 60, 100])
#: Number of frames over which speed is measured.
SPEED_FRAMES = 4
#: Time constant in frames with which speed decays.
SPEED_DECAY = 4.0
#: Exponent of the cost of a distance; the tail is that of a Cauchy distribution, because animals dart.
TAIL_EXPONENT = 1.5
#: Cost of missing an animal in one frame after it was detected, of each further frame, and the maximum.
FIRST_MISS_COST, FURTHER_MISS_COST, MAX_MISS_COST = 1.5, 0.3, 15.0
#: Minimum motion per frame in body lengths; it grows over several frames as in a random walk.
MIN_MOTION = 0.01
#: Motion per frame in body lengths that is assumed if none can be measured.
DEFAULT_MOTION = 0.1
#: Minimum and maximum number of samples of the motion at each lag.
MIN_SAMPLES, MAX_SAMPLES = 20, 2_000


@dataclass(frozen=True)
class MotionCost:
    """Costs of links, as negative log-likelihoods up to a constant.

    Parameters
    ----------
    typical_distance
        Median distance in pixels between predicted and actual position after each of :data:`LAGS`, (lags,).
    body
        Length of an animal in pixels.
    """

    typical_distance: np.ndarray
    body: float

    @classmethod
    def estimate(cls, detections: Detections, tracklets: ReliableTracklets, body: float) -> MotionCost:
        """Estimate typical motion from the reliable tracklets of a video.

        Distances at lags for which the tracklets are too short are extrapolated as in a random walk.

        Parameters
        ----------
        detections
            All detections of the video.
        tracklets
            Its reliable tracklets.
        body
            Length of an animal in pixels.
        """
        centroid, length = detections.centroid, tracklets.length
        position = np.arange(len(detections)) - np.repeat(tracklets.first[:-1], length)
        remaining = np.repeat(length, length) - position
        measured = []
        for lag in LAGS.tolist():
            at = np.flatnonzero((position >= SPEED_FRAMES) & (remaining > lag + SPEED_FRAMES))
            if len(at) < MIN_SAMPLES:
                break
            at = at[:: max(len(at) // MAX_SAMPLES, 1)]
            one, other = tracklets.order[at], tracklets.order[at + lag]
            before = (centroid[one] - centroid[tracklets.order[at - SPEED_FRAMES]]) / SPEED_FRAMES
            after = (centroid[tracklets.order[at + lag + SPEED_FRAMES]] - centroid[other]) / SPEED_FRAMES
            displacement = (before + after) / 2 * _coasting_frames(np.array(lag))
            measured.append(float(np.median(pose_distance(detections, one, other, displacement, 4 * body))))
        if not measured:
            measured = [DEFAULT_MOTION * body]
        known = len(measured)
        extrapolated = measured[-1] * np.sqrt(LAGS[known:] / LAGS[known - 1])
        minimum = MIN_MOTION * body * np.sqrt(LAGS)
        return cls(np.maximum.accumulate(np.maximum([*measured, *extrapolated], minimum)), body)

    def cost(self, detections: Detections, one: np.ndarray, other: np.ndarray, speed: np.ndarray) -> np.ndarray:
        """Cost of linking detections.

        Parameters
        ----------
        detections
            All detections of the video.
        one, other
            Rows of the earlier and the later detection of each link, (E,).
        speed
            Expected speed, (E, 2) in pixels per frame.

        Returns
        -------
        numpy.ndarray
            (E,); the cost includes the frames in between, in which the animal was missed.
        """
        gap = detections.frame[other] - detections.frame[one]
        displacement = speed * _coasting_frames(gap.astype(float))[:, None]
        distance = pose_distance(detections, one, other, displacement, 8 * self.body)
        scale = np.interp(gap, LAGS, self.typical_distance)
        result: np.ndarray = (
            TAIL_EXPONENT * np.log1p((distance / scale) ** 2)
            + np.log(scale / self.typical_distance[0])
            + miss_cost(gap - 1)
        )
        return result


def miss_cost(frames: np.ndarray) -> np.ndarray:
    """Cost of not detecting an animal in a number of consecutive frames."""
    return np.where(frames > 0, np.minimum(FIRST_MISS_COST + FURTHER_MISS_COST * (frames - 1), MAX_MISS_COST), 0)


def _coasting_frames(frames: np.ndarray) -> np.ndarray:
    """How far an animal moves while its speed decays, in frames of full speed."""
    return SPEED_DECAY * (1 - np.exp(-frames / SPEED_DECAY))
