"""CTD tracking: the poses of a frame are the conditions of the next one, so that animals keep their track numbers.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(ICCV 2023), arXiv:2306.07879. Rules and constants are DeepLabCut 3.0.2's. N animals, K bodyparts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.metrics.poses import compute_oks
from dlcx.poses import Instances, Prediction
from dlcx.predictors.conditional import Conditional, add_boxes

#: Distance in pixels from a track without an animal so far: larger than any real one.
UNUSED_TRACK_DISTANCE = 1e6


@dataclass(frozen=True)
class CtdRules:
    """When animals are detected, and which poses are kept.

    Parameters
    ----------
    detect_lost
        Detect animals while fewer than the maximum are tracked.
    min_interval
        Minimum number of frames between two detections. While no animal is tracked, they run in every frame.
    max_interval
        Maximum number of frames between two detections; None for no limit.
    new_oks
        A detected pose is a new animal if its object keypoint similarity (OKS) to all tracked ones is lower.
    min_keypoint_score
        Keypoints with a higher score are passed on to the next frame.
    duplicate_oks
        Of two poses with at least this OKS, the one that has been tracked longer is kept.
    """

    detect_lost: bool = True
    min_interval: int = 100
    max_interval: int | None = None
    new_oks: float = 0.25
    min_keypoint_score: float = 0.01
    duplicate_oks: float = 0.9


class CtdTracking:
    """Tracks animals; see :class:`dlcx.predictors.temporal.FramePredictor`.

    An animal that is detected again or for the first time gets an unused track number below ``max_animals``: that of
    the animal that was last seen nearest to it.

    Parameters
    ----------
    predictor
        Refines poses.
    max_animals
        Maximum number of animals.
    rules
        When animals are detected, and which poses are kept.
    """

    def __init__(self, predictor: Conditional, max_animals: int, rules: CtdRules = CtdRules()) -> None:
        self.predictor, self.max_animals, self.rules = predictor, max_animals, rules
        self.reset()

    def reset(self) -> None:
        """Forget all animals."""
        self.tracked = Instances.empty(self.predictor.bodyparts)  # longest tracked first
        self.track = np.zeros(0, int)  # track number of each
        self.last_seen = np.full((self.max_animals, 2), np.nan)  # center of the last animal of each track number
        self.frames_since_detection: int | None = None

    def predict_next(self, image: np.ndarray, condition: Instances | None = None) -> Prediction:
        """Predict the poses in the next frame.

        Parameters
        ----------
        image
            (H, W, 3) uint8 RGB.
        condition
            Poses that another network found in this frame; None to detect them when it is due.

        Returns
        -------
        Prediction
            Poses with boxes and track numbers in pixels of the image, ordered by track number.
        """
        size = image.shape[1], image.shape[0]
        conditions, track = self._propagate(size)
        if self.frames_since_detection is not None:
            self.frames_since_detection += 1
        if self._detection_is_due(len(conditions)):
            detected = self.predictor.detect(image[None])[0] if condition is None else condition
            conditions, track = self._add_new(conditions, track, detected)
            self.frames_since_detection = 0
        boxed, kept = add_boxes(conditions, size, self.predictor.margin)
        found = self.predictor.refine(image[None], [boxed])[0].animals
        unique = np.flatnonzero(~self._is_duplicate(found))
        self.tracked, self.track = found[unique], track[kept][unique]
        self.last_seen[self.track] = _centers(self.tracked.xy)
        order = np.argsort(self.track)
        return Prediction(replace(self.tracked[order], track=self.track[order]))

    def _propagate(self, image: tuple[int, int]) -> tuple[Instances, np.ndarray]:
        """The tracked poses as conditions, without keypoints that are not confident or outside of the image."""
        tracked, inside = self.tracked, ((self.tracked.xy >= 0) & (self.tracked.xy < image)).all(-1)
        score = np.where(inside & (tracked.score > self.rules.min_keypoint_score), tracked.score, 0.0)
        present = np.flatnonzero(score.any(1))
        return Instances(tracked.xy[present], score[present]), self.track[present]

    def _detection_is_due(self, tracked: int) -> bool:
        rules, waited = self.rules, self.frames_since_detection
        if waited is None or not tracked:
            return True
        some_lost = rules.detect_lost and tracked < self.max_animals and waited >= rules.min_interval
        return some_lost or (rules.max_interval is not None and waited >= rules.max_interval)

    def _add_new(self, tracked: Instances, track: np.ndarray, detected: Instances) -> tuple[Instances, np.ndarray]:
        """The tracked animals, then the new ones among the detected, those with the lowest OKS first."""
        oks = _oks(tracked, detected).max(0, initial=0.0)
        order = np.argsort(oks, kind="stable")
        new = detected[order[oks[order] < self.rules.new_oks][: self.max_animals - len(tracked)]]
        unused = np.setdiff1d(np.arange(self.max_animals), track)
        animals = Instances(np.concatenate([tracked.xy, new.xy]), np.concatenate([tracked.score, new.score]))
        return animals, np.concatenate([track, unused[self._assign(new, self.last_seen[unused])]])

    def _assign(self, new: Instances, last_seen: np.ndarray) -> np.ndarray:
        """Index of the unused track that each new animal gets, from the tracks' last centers."""
        distance = np.linalg.norm(_centers(new.xy)[:, None] - last_seen, axis=-1)
        return np.asarray(linear_sum_assignment(np.nan_to_num(distance, nan=UNUSED_TRACK_DISTANCE))[1])

    def _is_duplicate(self, found: Instances) -> np.ndarray:
        """Which poses (N,) duplicate one before them."""
        return np.asarray(np.triu(_oks(found, found) >= self.rules.duplicate_oks, 1).any(0))


def _oks(tracked: Instances, found: Instances) -> np.ndarray:
    """OKS (tracked, found), relative to the size of the tracked ones; 0 where it is undefined."""
    xy = np.where(tracked.score[..., None] > 0, tracked.xy, np.nan)
    return np.asarray(np.nan_to_num(compute_oks(xy[None], found.xy[None], 0.1, 0)[0]).T)


def _centers(xy: np.ndarray) -> np.ndarray:
    """Mean (N, 2) of the finite keypoints of poses (N, K, 2); nan for poses without any."""
    finite = np.isfinite(xy).all(-1, keepdims=True)
    count = finite.sum(1)
    return np.where(count > 0, np.where(finite, xy, 0).sum(1) / np.maximum(count, 1), np.nan)
