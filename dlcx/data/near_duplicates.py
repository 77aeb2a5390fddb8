"""Find test images that are nearly identical to training images and make the test error look too small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

#: Side of the thumbnails in pixels.
SIDE = 48
#: Images are near-duplicates if their difference is below this share of the median difference in their video.
#: At 30 frames per second that is about 5 frames apart.
MAX_DIFFERENCE = 0.25
#: Maximum number of images from which the median difference of a video is estimated.
_MAX_SAMPLE = 200


@dataclass(frozen=True)
class NearDuplicate:
    """A test image and the training image it resembles most.

    Parameters
    ----------
    test, train
        Rows of the two images.
    difference
        Their root mean square difference, relative to the median difference in the test image's video.
    """

    test: int
    train: int
    difference: float


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Shrink and blur an image until noise has no influence on comparisons.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.

    Returns
    -------
    numpy.ndarray
        Gray values (SIDE * SIDE,) float32.
    """
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(gray, (0, 0), 1).ravel()


def find_near_duplicates(
    thumbnails: np.ndarray, videos: Sequence[str], train: Sequence[int], test: Sequence[int]
) -> tuple[NearDuplicate, ...]:
    """Find the test images that have a near-duplicate among the training images.

    Two images are near-duplicates if their root mean square difference is below :data:`MAX_DIFFERENCE` times the median
    difference between images of the test image's video.  The only image of a video has no near-duplicates.

    Parameters
    ----------
    thumbnails
        (M, D), see :func:`thumbnail`.
    videos
        Name of the video of each of the M images.
    train, test
        Rows of the training and test images.

    Returns
    -------
    tuple of NearDuplicate
        One entry for each test image that has a near-duplicate, in the order of ``test``.

    Examples
    --------
    >>> images = np.array([[0.0], [40.0], [80.0], [41.0]])
    >>> find_near_duplicates(images, ["a"] * 4, train=[0, 1, 2], test=[3])
    (NearDuplicate(test=3, train=1, difference=0.025),)
    """
    if not len(train) or not len(test):
        return ()
    rows = {video: [row for row, name in enumerate(videos) if name == video] for video in set(videos)}
    typical = {video: _median_difference(thumbnails[own]) for video, own in rows.items()}
    difference = _differences(thumbnails[np.asarray(test)], thumbnails[np.asarray(train)])
    nearest = difference.argmin(1)
    found = []
    for row, column in enumerate(nearest):
        relative = float(difference[row, column]) / typical[videos[test[row]]]
        if relative < MAX_DIFFERENCE:
            found.append(NearDuplicate(int(test[row]), int(train[column]), relative))
    return tuple(found)


def _median_difference(images: np.ndarray) -> float:
    """Median difference between two images; nan for a single image, so that no comparison with it succeeds."""
    images = images[np.linspace(0, len(images) - 1, min(len(images), _MAX_SAMPLE)).astype(int)]
    pairs = np.triu_indices(len(images), 1)
    known = _differences(images, images)[pairs]
    return max(float(np.median(known)), 1e-3) if len(known) else np.nan


def _differences(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square differences (n, m) of images (n, D) and (m, D)."""
    center = others.mean(0)  # subtracting it keeps the digits of small differences
    images, others = images - center, others - center
    squared = (images**2).sum(1)[:, None] + (others**2).sum(1) - 2 * images @ others.T
    result: np.ndarray = np.sqrt(np.maximum(squared, 0) / images.shape[1])
    return result
