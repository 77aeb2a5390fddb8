"""How sure a difference is: paired bootstrap over images, or over the videos that they come from.

Efron & Tibshirani, An Introduction to the Bootstrap, 1993: percentile intervals; whole clusters are drawn, for the
keypoints of an image, and the frames of a video, are not independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 4000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value and the bounds that hold it with 95 % confidence; nan where there is too little to tell."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the sign of the value is sure."""
        return self.low > 0 or self.high < 0


def mean_interval(values: np.ndarray, clusters: Sequence[Hashable], *, seed: int = 0) -> Interval:
    """The mean of all finite values (M, L) and its bounds, from drawing clusters of rows anew.

    Parameters
    ----------
    values
        One row an image; for a difference of two nets their paired differences.
    clusters
        Which rows belong together, one name a row.
    seed
        What the draws come from.
    """
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    owner = np.array([numbers[name] for name in clusters], int)
    known = np.isfinite(values)
    sums = np.bincount(owner, np.where(known, values, 0).sum(1), len(numbers))
    counts = np.bincount(owner, known.sum(1), len(numbers))
    if not counts.sum():
        return Interval(np.nan, np.nan, np.nan)
    value = float(sums.sum() / counts.sum())
    if (counts > 0).sum() < 2:
        return Interval(value, np.nan, np.nan)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), DRAWS)
    totals = drawn @ counts
    means = (drawn @ sums)[totals > 0] / totals[totals > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
