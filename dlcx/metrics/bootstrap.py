"""Bootstrap confidence intervals over images, or over the videos that the images come from.

The intervals are percentile intervals (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).  Complete clusters
are resampled, because the keypoints of an image and the frames of a video are not independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

#: Number of bootstrap samples.
SAMPLES = 4000
#: Confidence level of the intervals.
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % confidence interval.

    Parameters
    ----------
    value
        The estimate; nan without data.
    low, high
        Bounds of the interval; nan with fewer than two clusters.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0, so that the sign of the value is significant."""
        return self.low > 0 or self.high < 0


def mean_interval(values: np.ndarray, clusters: Sequence[Hashable], *, seed: int = 0) -> Interval:
    """Compute the mean of all finite values and its bootstrap confidence interval over clusters of rows.

    Parameters
    ----------
    values
        One row per image, (M, L).  To compare two networks, pass the paired differences of their errors.
    clusters
        Name of each row's cluster, (M,).
    seed
        Seed of the resampling.

    Returns
    -------
    Interval
        The mean and its interval.

    Examples
    --------
    >>> mean_interval(np.array([[1.0], [2.0], [3.0]]), ["a", "b", "c"]).value
    2.0
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
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(len(numbers), np.full(len(numbers), 1 / len(numbers)), SAMPLES)
    totals = weights @ counts
    means = (weights @ sums)[totals > 0] / totals[totals > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
