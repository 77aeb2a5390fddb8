"""Simulate conditions, the imperfect poses that conditional networks learn to correct.

Labels are perturbed with the errors that pose estimators make: Moon et al., PoseFix: Model-agnostic General Human Pose
Refinement Network (CVPR 2019), arXiv:1812.03595; Zhou et al., BUCTD (ICCV 2023), arXiv:2306.07879.  Coordinates are
pixels of the image; K keypoints, M neighbors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Keypoint similarities (OKS) that separate the kinds of errors.
MISSED, WRONG, CLOSE = 0.10, 0.50, 0.85
#: Number of random positions to try for each keypoint and kind of error.
TRIES = 100
#: Weight of a keypoint's own position, relative to that of another keypoint, when a missed keypoint is placed.
OWN_WEIGHT = 4


@dataclass(frozen=True)
class ConditionSampler:
    """Samples a condition for each visible keypoint of an animal.

    The probabilities of the kinds of errors apply per keypoint; the rest are good estimates (OKS above 0.85).  If a
    kind is impossible for a keypoint, its probability goes to the other kinds.

    Parameters
    ----------
    sigmas
        Width of the OKS relative to the animal's size: one for all keypoints, or one per keypoint.
    pairs
        Indices of partner keypoints, such as left and right; None gives every keypoint a random partner each time.
    jitter
        Probability of an inaccurate position, with OKS 0.5 to 0.85.
    swap
        Probability of the position of the same keypoint, or of its partner, in a neighboring animal.
    inversion
        Probability of the position of the partner in the same animal.
    miss
        Probability of a position away from all keypoints, with OKS 0.1 to 0.5 to one of them and less to all others.
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
        """Sample a condition.

        Parameters
        ----------
        xy
            Keypoints (K, 2) of the animal in pixels, nan where unseen.
        neighbors
            Keypoints (M, K, 2) of the animals whose boxes overlap with the animal's.
        area
            Area of the animal's box in square pixels.
        image
            (width, height) to which the positions are clipped.
        rng
            Source of random numbers.

        Returns
        -------
        numpy.ndarray
            (K, 2) in pixels of the image, nan where a keypoint is unseen or no position was found.
        """
        count = len(xy)
        mine, other = np.arange(count), self._partners(count, rng)
        partner = np.where(other[:, None] >= 0, xy[other], np.nan)
        theirs = np.where(other[:, None] >= 0, neighbors[:, other], np.nan)
        centers = np.stack([xy, partner, *neighbors[:, mine], *theirs], 1)  # (K, C, 2)
        exists = np.isfinite(centers).all(-1)

        positions, possible = self._positions(centers, exists, area, rng)
        probability = np.array([self.jitter, self.swap, self.inversion, self.miss])
        probability = np.append(probability, max(0.0, 1 - probability.sum()))[:, None] * possible  # (5, K)
        total = probability.sum(0)
        kind = (np.cumsum(probability, 0) <= rng.random(count) * total).sum(0).clip(max=len(probability) - 1)
        sampled = exists[:, 0] & (total > 0)
        return np.where(sampled[:, None], np.clip(positions[kind, mine], 0, image), np.nan)

    def _partners(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Index of the partner of each keypoint (K,), -1 for none."""
        partner = np.full(count, -1)
        if self.pairs is not None:
            for left, right in self.pairs:
                partner[left], partner[right] = right, left
        elif count > 1:  # a new random pairing for each keypoint; with an odd number, one keypoint has no partner
            partner = (np.arange(count) + rng.integers(1, count, count)) % count
            partner[rng.random(count) < (count % 2) / count] = -1
        return partner

    def _positions(
        self, centers: np.ndarray, exists: np.ndarray, area: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sample a position (5, K, 2) for each kind, and whether one was found (5, K).

        centers (K, C, 2) are each keypoint, its partner, and both of each neighbor; ``exists`` (K, C) says which exist.
        """
        count, many = exists.shape
        sigmas = np.broadcast_to(np.asarray(self.sigmas), count)
        missed, wrong, close = (2 * sigmas * math.sqrt(-2 * area * math.log(value)) for value in (MISSED, WRONG, CLOSE))
        zero = np.zeros(count)
        low = np.stack([close, zero, zero, wrong, zero])  # (5, K)
        high = np.stack([wrong, wrong, wrong, missed, close])
        own, partner = np.arange(many) == 0, np.arange(many) == 1
        weight = (
            np.stack([own, ~own & ~partner, partner, np.where(own, OWN_WEIGHT, 1), own])[:, None] * exists
        )  # (5, K, C)

        radius = rng.uniform(low[..., None], high[..., None], (*low.shape, TRIES))  # (5, K, T)
        angle = rng.uniform(0, 2 * np.pi, radius.shape)
        cumulative = np.cumsum(weight, -1)
        sample = rng.random(radius.shape) * cumulative[..., -1:]
        chosen = (cumulative[..., None, :] <= sample[..., None]).sum(-1).clip(max=many - 1)  # (5, K, T)
        around = np.take_along_axis(centers[None], chosen.reshape(len(low), count, TRIES)[..., None], 2)
        points = around + radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)

        dx, dy = (points[..., None, axis] - centers[None, :, None, :, axis] for axis in (0, 1))
        distance = np.hypot(dx, dy)  # (5, K, T, C)
        limit = radius.copy()
        limit[3] = wrong[:, None]
        rival = exists[None, :, None] & (np.arange(many) != chosen[..., None])
        good = np.all((distance > limit[..., None]) | ~rival, -1) & (cumulative[..., -1:] > 0)
        first = good.argmax(-1)[..., None]
        return np.take_along_axis(points, first[..., None], 2)[:, :, 0], good.any(-1)
