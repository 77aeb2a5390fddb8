"""Shape prior: distances between the bodyparts of labeled animals, and how far a pose is from them.

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

#: Minimum fraction of the bodyparts that a labeled pose must have to be used.
MIN_LABELED_FRACTION = 0.9
#: Minimum likelihood of a link, however improbable its length is.
MIN_LIKELIHOOD = 0.001


@dataclass(frozen=True)
class ShapePrior:
    """Distribution of the squared distances between bodyparts.

    Parameters
    ----------
    mean, covariance
        (D,) in pixels^2 and (D, D) in pixels^4.
    """

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, xy: np.ndarray) -> ShapePrior:
        """Estimate the prior from labeled poses.

        Parameters
        ----------
        xy
            Poses (M, K, 2) in pixels; nan for keypoints that are not labeled.

        Raises
        ------
        DlcxError
            If too few poses are nearly complete.
        """
        xy = xy[np.isfinite(xy).all(-1).mean(1) >= MIN_LABELED_FRACTION]
        pairs = xy.shape[1] * (xy.shape[1] - 1) // 2
        if len(xy) <= pairs:
            raise DlcxError(
                f"{len(xy)} labeled animals are nearly complete, but calibration needs more than {pairs}",
                hint="Label more frames, or assemble without calibration.",
            )
        squared = np.stack([pdist(pose, "sqeuclidean") for pose in xy])
        squared = np.where(np.isnan(squared), np.nanmean(squared, 0), squared)
        return cls(squared.mean(0), gaussian_kde(squared.T).covariance)

    @cached_property
    def precision(self) -> np.ndarray:
        """Inverse of the covariance, (D, D)."""
        return np.linalg.inv(self.covariance)

    def distance(self, xy: np.ndarray) -> float:
        """Return the Mahalanobis distance of a pose from the prior.

        Parameters
        ----------
        xy
            Pose (K, 2) in pixels; nan for missing bodyparts.

        Returns
        -------
        float
            The distance over the known pairs, scaled up to all pairs; inf if no pair is known.
        """
        deviation = pdist(xy, "sqeuclidean") - self.mean
        known = np.flatnonzero(~np.isnan(deviation))
        if not len(known):
            return np.inf
        squared = deviation[known] @ self.precision[np.ix_(known, known)] @ deviation[known]
        return float(np.sqrt(max(squared, 0)) * len(deviation) / len(known))

    def likelihood(self, first: np.ndarray, second: np.ndarray, squared: np.ndarray) -> np.ndarray:
        """Return how likely the lengths of links are.

        Parameters
        ----------
        first, second
            Bodyparts (L,) at the ends of each link.
        squared
            Squared length (L,) of each link, in pixels^2.

        Returns
        -------
        np.ndarray
            (L,), from ``MIN_LIKELIHOOD`` to 1.
        """
        bodyparts = round((1 + np.sqrt(1 + 8 * len(self.mean))) / 2)
        low, high = np.minimum(first, second), np.maximum(first, second)
        pair = low * (2 * bodyparts - low - 1) // 2 + high - low - 1
        z = (squared - self.mean[pair]) / self.covariance[pair, pair]
        result: np.ndarray = np.maximum(erfc(np.abs(z) / np.sqrt(2)), MIN_LIKELIHOOD)
        return result
