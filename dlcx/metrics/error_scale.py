"""What pixel errors mean: the size of the labeled animals, and the error of a guess that no network is needed for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dlcx.poses import Prediction

#: Test images below which the test error says little.
MIN_TEST_IMAGES = 5


@dataclass(frozen=True)
class ErrorScale:
    """Lengths in pixels of the whole image, taken from labels alone; nan where the labels do not give them.

    ``images`` counts the images with a label.  ``animal_size`` is the median diagonal of the boxes around the labels of
    each animal.  ``guess_error`` is the mean error of a guess that knows where each animal is but tells no bodyparts
    apart: every bodypart at the mean of the animal's labels.  Where animals have a single bodypart, it is the error of
    the same position, the mean of all labels, in every image.
    """

    images: int = 0
    animal_size: float = np.nan
    guess_error: float = np.nan

    def share(self, error: float) -> float:
        """An error as a share of the animals' size; nan where that is 0 or unknown."""
        return error / self.animal_size if self.animal_size > 0 else np.nan

    def describe(self, error: float) -> str:
        """``4.21 px``, with its share of the animals' size where that is known."""
        share = self.share(error)
        return f"{error:.2f} px" + (f" ({100 * share:.1f} % of the animals' size)" if np.isfinite(share) else "")

    def not_learned(self, error: float) -> str:
        """Why an error shows that a network has not learned; empty where it has, or where labels are too few to say."""
        if not error >= self.guess_error > 0:
            return ""
        guess = "placing every bodypart at the center of its animal"
        if not np.isfinite(self.animal_size):
            guess = "guessing the same position in every image"
        return f"its error of {error:.1f} px is no better than {guess} ({self.guess_error:.1f} px)"

    def verdict(self, error: float) -> str:
        """:meth:`not_learned` for the error on all labeled images, where nan means that no keypoint was found."""
        if not self.images:
            return ""
        return self.not_learned(error) if np.isfinite(error) else "it finds no keypoint in the test images"

    def warning(self) -> str:
        """A warning where the labels are too few to measure anything; else empty."""
        if self.images >= MIN_TEST_IMAGES:
            return ""
        count = "no test image has labels" if not self.images else f"only {self.images} test images have labels"
        if self.images == 1:
            count = "only 1 test image has labels"
        return f"{count}, so the test error says little"


def error_scale(truth: Sequence[Prediction]) -> ErrorScale:
    """The lengths of labeled images; a label counts where its score is above 0."""
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
