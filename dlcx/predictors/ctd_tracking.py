"""CTD tracking: the poses of a frame are what a BUCTD net corrects in the next one, so that animals keep their numbers.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(ICCV 2023), arXiv:2306.07879.  Rules and numbers are DeepLabCut 3.0.2's.  N animals, K bodyparts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from dlcx.metrics.poses import compute_oks
from dlcx.poses import Instances, Prediction
from dlcx.predictors.conditional import Conditional, with_boxes

#: Pixels that a place costs where no animal of that number was seen yet: more than any way.
NEVER_SEEN = 1e6


@dataclass(frozen=True)
class CtdRules:
    """When animals are looked for, and which poses count.

    search_lost
        Look for animals while fewer are known than there are.
    search_least
        Frames between two searches at least; while no animal is known at all, every frame is searched.
    search_every
        Look for animals at least every so many frames, None: only as above.
    new
        A found pose is a new animal when its object keypoint similarity (OKS) to all known ones is lower.
    keypoint
        Keypoints with a higher score are handed to the next frame.
    double
        Of two poses at least this alike (OKS) the one that is known for longer stays.
    """

    search_lost: bool = True
    search_least: int = 100
    search_every: int | None = None
    new: float = 0.25
    keypoint: float = 0.01
    double: float = 0.9


class CtdTracking:
    """A :class:`dlcx.predictors.temporal.Memory` of the last poses of at most ``animals`` animals.

    Their ``track`` numbers are below ``animals``; one that is lost and found again, or another one, takes a number
    that is free, that of the animal which was last seen nearest.
    """

    def __init__(self, predictor: Conditional, animals: int, rules: CtdRules = CtdRules()) -> None:
        self.predictor, self.animals, self.rules = predictor, animals, rules
        self.restart()

    def restart(self) -> None:
        """Forget all animals."""
        self.known = Instances.empty(self.predictor.parts)  # the ones known for longest first
        self.numbers = np.zeros(0, int)  # theirs
        self.places = np.full((self.animals, 2), np.nan)  # where the animal of each number was last seen
        self.waited: int | None = None  # frames since the last search

    def look(self, image: np.ndarray, guess: Instances | None = None) -> Prediction:
        """Poses in pixels of the image (H, W, 3) uint8 RGB, with their boxes and numbers, in the order of the latter.

        ``guess`` is what another net found in it, instead of what a search would find.
        """
        size = image.shape[1], image.shape[0]
        conditions, numbers = self._handed_on(size)
        self.waited = None if self.waited is None else self.waited + 1
        if self._is_due(len(conditions)):
            found = self.predictor.find(image[None])[0] if guess is None else guess
            conditions, numbers = self._with_new(conditions, numbers, found)
            self.waited = 0
        given, kept = with_boxes(conditions, size, self.predictor.margin)
        found = self.predictor.correct(image[None], [given])[0].animals
        once = np.flatnonzero(~self._doubles(found))
        self.known, self.numbers = found[once], numbers[kept][once]
        self.places[self.numbers] = _centres(self.known.xy)
        order = np.argsort(self.numbers)
        return Prediction(replace(self.known[order], track=self.numbers[order]))

    def _handed_on(self, image: tuple[int, int]) -> tuple[Instances, np.ndarray]:
        """The poses of the last frame that still show something, without keypoints that are unsure or not inside."""
        known, inside = self.known, ((self.known.xy >= 0) & (self.known.xy < image)).all(-1)
        score = np.where(inside & (known.score > self.rules.keypoint), known.score, 0.0)
        shown = np.flatnonzero(score.any(1))
        return Instances(known.xy[shown], score[shown]), self.numbers[shown]

    def _is_due(self, known: int) -> bool:
        """Whether animals are to be looked for, when so many are known."""
        rules = self.rules
        if self.waited is None or not known:
            return True
        lost = rules.search_lost and known < self.animals and self.waited >= rules.search_least
        return lost or (rules.search_every is not None and self.waited >= rules.search_every)

    def _with_new(self, known: Instances, numbers: np.ndarray, found: Instances) -> tuple[Instances, np.ndarray]:
        """The known animals and those of the found ones that are new, the least similar first."""
        alike = _similarity(known, found).max(0, initial=0.0)
        order = np.argsort(alike, kind="stable")
        new = found[order[alike[order] < self.rules.new][: self.animals - len(known)]]
        free = np.setdiff1d(np.arange(self.animals), numbers)
        all_of_them = Instances(np.concatenate([known.xy, new.xy]), np.concatenate([known.score, new.score]))
        return all_of_them, np.concatenate([numbers, free[self._continued(new, self.places[free])]])

    def _continued(self, new: Instances, places: np.ndarray) -> np.ndarray:
        """Which of the places (F, 2) each new animal continues."""
        way = np.linalg.norm(_centres(new.xy)[:, None] - places, axis=-1)
        result: np.ndarray = linear_sum_assignment(np.nan_to_num(way, nan=NEVER_SEEN))[1]
        return result

    def _doubles(self, found: Instances) -> np.ndarray:
        """Which poses show an animal that one before them shows already: (N,) bool."""
        return np.asarray(np.triu(_similarity(found, found) >= self.rules.double, 1).any(0))


def _similarity(known: Instances, found: Instances) -> np.ndarray:
    """OKS (known, found), as a share of the size of the known ones; 0 where that is unknown."""
    xy = np.where(known.score[..., None] > 0, known.xy, np.nan)
    result: np.ndarray = np.nan_to_num(compute_oks(xy[None], found.xy[None], 0.1, 0)[0]).T
    return result


def _centres(xy: np.ndarray) -> np.ndarray:
    """Mean of the seen keypoints, (N, K, 2) -> (N, 2); nan for animals without."""
    seen = np.isfinite(xy).all(-1, keepdims=True)
    count = seen.sum(1)
    return np.where(count > 0, np.where(seen, xy, 0).sum(1) / np.maximum(count, 1), np.nan)
