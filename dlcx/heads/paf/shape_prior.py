"""How animals are built: distances between their bodyparts in labelled poses, and how unlike these a pose is.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
K bodyparts, D = K (K - 1) / 2 pairs of them, in the order 0-1, 0-2, ..., 1-2, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.distance import pdist
from scipy.special import erfc
from scipy.stats import gaussian_kde

from dlcx.errors import DlcxError

#: Share of the bodyparts that a labelled pose must have to count.
COMPLETE = 0.9
#: Least probability of a link, however unlikely its length is.
UNLIKELY = 0.001


@dataclass(frozen=True)
class ShapePrior:
    """Mean (D,) and covariance (D, D) of the squared distances between bodyparts, in pixels^2."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, xy: np.ndarray) -> ShapePrior:
        """The prior of labelled poses (M, K, 2), nan for what is not labelled.

        Raises
        ------
        DlcxError
            When too few poses are complete.
        """
        xy = xy[np.isfinite(xy).all(-1).mean(1) >= COMPLETE]
        pairs = xy.shape[1] * (xy.shape[1] - 1) // 2
        if len(xy) <= pairs:
            raise DlcxError(
                f"{len(xy)} labelled animals are nearly complete, more than {pairs} are needed to know their shape",
                hint="Label more frames, or assemble without calibration.",
            )
        squared = np.stack([pdist(pose, "sqeuclidean") for pose in xy])
        squared = np.where(np.isnan(squared), np.nanmean(squared, 0), squared)
        return cls(squared.mean(0), gaussian_kde(squared.T).covariance)

    @cached_property
    def precision(self) -> np.ndarray:
        """Inverse of the covariance."""
        return np.linalg.inv(self.covariance)

    def distance(self, xy: np.ndarray) -> float:
        """Mahalanobis distance of a pose (K, 2), nan for missing bodyparts; as large as that of all pairs would be."""
        away = pdist(xy, "sqeuclidean") - self.mean
        known = np.flatnonzero(~np.isnan(away))
        if not len(known):
            return np.inf
        squared = away[known] @ self.precision[np.ix_(known, known)] @ away[known]
        return float(np.sqrt(max(squared, 0)) * len(away) / len(known))

    def likelihood(self, first: np.ndarray, second: np.ndarray, squared: np.ndarray) -> np.ndarray:
        """How likely bodyparts ``first`` and ``second`` (L,) are that far apart: (L,), at least ``UNLIKELY``."""
        bodyparts = round((1 + np.sqrt(1 + 8 * len(self.mean))) / 2)
        low, high = np.minimum(first, second), np.maximum(first, second)
        pair = low * (2 * bodyparts - low - 1) // 2 + high - low - 1
        z = (squared - self.mean[pair]) / self.covariance[pair, pair]
        return np.maximum(erfc(np.abs(z) / np.sqrt(2)), UNLIKELY)
