"""Put pixel errors into perspective: the size of the labeled animals, and the error of a trivial prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Prediction

#: Minimum number of labeled test images for a meaningful test error.
MIN_TEST_IMAGES = 5


@dataclass(frozen=True)
class ErrorScale:
    """Lengths computed from labels, in pixels of the full image; nan if there are too few labels.

    Field names are keys of the JSON output.

    Parameters
    ----------
    images
        Number of images with labels.
    animal_size
        Median diagonal of the boxes around each animal's labels.
    guess_error
        Mean error of placing every bodypart at the center of its animal's labels.  For animals with one bodypart, mean
        error of predicting the same position, the center of all labels, in every image.
    """

    images: int = 0
    animal_size: float = np.nan
    guess_error: float = np.nan

    def share(self, error: float) -> float:
        """Divide an error by the size of the animals; nan if that is 0 or unknown."""
        return error / self.animal_size if self.animal_size > 0 else np.nan

    def describe(self, error: float) -> str:
        """Format an error: ``4.21 px (3.4 % of the animals' size)``, without the share if the size is unknown."""
        share = self.share(error)
        return f"{error:.2f} px" + (f" ({100 * share:.1f} % of the animals' size)" if np.isfinite(share) else "")

    def not_learned(self, error: float) -> str:
        """Explain why an error shows that a network has not learned; empty if it has, or with too few labels."""
        if not error >= self.guess_error > 0:
            return ""
        guess = "placing every bodypart at the center of its animal"
        if not np.isfinite(self.animal_size):
            guess = "guessing the same position in every image"
        return f"its error of {error:.1f} px is no better than {guess} ({self.guess_error:.1f} px)"

    def verdict(self, error: float) -> str:
        """Like :meth:`not_learned` for the error on all labeled images; nan means that no keypoint was detected."""
        if not self.images:
            return ""
        return self.not_learned(error) if np.isfinite(error) else "it finds no keypoint in the test images"

    def warning(self) -> str:
        """Warn about too few labeled test images; empty if there are enough."""
        if self.images >= MIN_TEST_IMAGES:
            return ""
        count = "no test image has labels" if not self.images else f"only {self.images} test images have labels"
        if self.images == 1:
            count = "only 1 test image has labels"
        return f"{count}, so the test error says little"


def error_scale(truth: Sequence[Prediction]) -> ErrorScale:
    """Compute the size of the animals and the error of a trivial prediction.

    Parameters
    ----------
    truth
        Labels of each image, in pixels of the full image; a label counts if its score is above 0.

    Returns
    -------
    ErrorScale
        Sizes and errors in pixels.
    """
    animals, images = [], 0
    for pose in truth:
        seen = (pose.animals.score > 0) & np.isfinite(pose.animals.xy).all(-1)
        animals += [xy[points] for xy, points in zip(pose.animals.xy, seen, strict=True) if points.any()]
        unique = pose.unique is not None and bool((pose.unique.score > 0).any())
        images += bool(seen.any()) or unique
    sized = [points for points in animals if len(points) > 1]
    if sized:
        offsets = np.concatenate([points - points.mean(0) for points in sized])
        size = float(np.median([np.linalg.norm(np.ptp(points, axis=0)) for points in sized]))
        return ErrorScale(images, size, _mean_length(offsets))
    if len(animals) > 1:
        points = np.concatenate(animals)
        return ErrorScale(images, np.nan, _mean_length(points - points.mean(0)))
    return ErrorScale(images)


def _mean_length(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=-1).mean())
