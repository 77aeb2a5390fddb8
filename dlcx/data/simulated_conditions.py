"""First guesses of poses, made from labels with the errors that pose estimators make: what conditional nets learn from.

Moon et al., PoseFix: Model-agnostic General Human Pose Refinement Network (CVPR 2019), arXiv:1812.03595; Zhou et al.,
BUCTD (ICCV 2023), arXiv:2306.07879.  Coordinates are pixels of the image, K keypoints, M neighbors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Keypoint similarities (OKS) between which the kinds of errors lie.
MISSED, WRONG, CLOSE = 0.10, 0.50, 0.85
#: Places that are tried for each keypoint and kind of error.
TRIES = 100
#: By how much a missed keypoint is rather near its own place than near another one.
OWN = 4


@dataclass(frozen=True)
class ConditionSampler:
    """Draws a guess for each seen keypoint of an animal; what is left of the chances makes good guesses.

    jitter
        Some way off: similarity 0.5 to 0.85.
    swap
        At that keypoint, or its partner, of a neighbour.
    inversion
        At its partner of the same animal, as left for right.
    miss
        Off from everything: similarity 0.1 to 0.5 with a keypoint that it might be, less with all others.

    ``pairs`` are the partners; without, each keypoint gets a random one each time.  ``sigmas`` of the similarity are
    one for all keypoints, or each one's.  Kinds that a keypoint has no place for leave their chance to the others.
    """

    sigmas: tuple[float, ...] = (0.1,)
    pairs: tuple[tuple[int, int], ...] | None = None
    jitter: float = 0.16
    swap: float = 0.08
    inversion: float = 0.03
    miss: float = 0.10

    def sample(
        self, xy: np.ndarray, neighbors: np.ndarray, area: float, image: tuple[int, int], rng: np.random.Generator
    ) -> np.ndarray:
        """Guesses (K, 2) in an image of (width, height), nan where nothing is seen or can be guessed.

        xy (K, 2) is the animal, ``area`` that of its box; neighbors (M, K, 2) are those whose boxes overlap with it.
        """
        count = len(xy)
        mine, other = np.arange(count), self._partners(count, rng)
        partner = np.where(other[:, None] >= 0, xy[other], np.nan)
        theirs = np.where(other[:, None] >= 0, neighbors[:, other], np.nan)
        centres = np.stack([xy, partner, *neighbors[:, mine], *theirs], 1)  # (K, C, 2)
        there = np.isfinite(centres).all(-1)

        places, possible = self._places(centres, there, area, rng)
        chances = np.array([self.jitter, self.swap, self.inversion, self.miss])
        chances = np.append(chances, max(0.0, 1 - chances.sum()))[:, None] * possible  # (5, K)
        total = chances.sum(0)
        kind = (np.cumsum(chances, 0) <= rng.random(count) * total).sum(0).clip(max=len(chances) - 1)
        drawn = there[:, 0] & (total > 0)
        return np.where(drawn[:, None], np.clip(places[kind, mine], 0, image), np.nan)

    def _partners(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """The partner of each keypoint, -1 for none."""
        partner = np.full(count, -1)
        if self.pairs is not None:
            for left, right in self.pairs:
                partner[left], partner[right] = right, left
        elif count > 1:  # as if all were paired at random, for each keypoint anew: an odd one out has none
            partner = (np.arange(count) + rng.integers(1, count, count)) % count
            partner[rng.random(count) < (count % 2) / count] = -1
        return partner

    def _places(
        self, centres: np.ndarray, there: np.ndarray, area: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One place (5, K, 2) for each kind of guess, and whether (5, K) there is one.

        centres (K, C, 2) are each keypoint, its partner, and the same of neighbors; ``there`` (K, C) says which exist.
        """
        count, many = there.shape
        sigmas = np.broadcast_to(np.asarray(self.sigmas), count)
        missed, wrong, close = (2 * sigmas * math.sqrt(-2 * area * math.log(value)) for value in (MISSED, WRONG, CLOSE))
        zero = np.zeros(count)
        low = np.stack([close, zero, zero, wrong, zero])  # (5, K)
        high = np.stack([wrong, wrong, wrong, missed, close])
        own, partner = np.arange(many) == 0, np.arange(many) == 1
        weight = np.stack([own, ~own & ~partner, partner, np.where(own, OWN, 1), own])[:, None] * there  # (5, K, C)

        radius = rng.uniform(low[..., None], high[..., None], (*low.shape, TRIES))  # (5, K, T)
        angle = rng.uniform(0, 2 * np.pi, radius.shape)
        upto = np.cumsum(weight, -1)
        draw = rng.random(radius.shape) * upto[..., -1:]
        chosen = (upto[..., None, :] <= draw[..., None]).sum(-1).clip(max=many - 1)  # (5, K, T)
        around = np.take_along_axis(centres[None], chosen.reshape(len(low), count, TRIES)[..., None], 2)
        points = around + radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)

        dx, dy = (points[..., None, axis] - centres[None, :, None, :, axis] for axis in (0, 1))
        distance = np.hypot(dx, dy)  # (5, K, T, C)
        limit = radius.copy()
        limit[3] = wrong[:, None]
        rival = there[None, :, None] & (np.arange(many) != chosen[..., None])
        good = np.all((distance > limit[..., None]) | ~rival, -1) & (upto[..., -1:] > 0)
        first = good.argmax(-1)[..., None]
        return np.take_along_axis(points, first[..., None], 2)[:, :, 0], good.any(-1)
