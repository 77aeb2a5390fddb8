"""Near-duplicates among images: test frames that training frames look like, which make a test error too small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

#: Sides of the small grey images that are compared.
SIDE = 48
#: Images whose difference is this share of what is usual in their video count as twins: at 30 frames/s some 5 frames.
ALIKE = 0.25
#: Images of a video whose usual difference is told from this many of them.
_SAMPLE = 200


@dataclass(frozen=True)
class NearDuplicate:
    """A test image, the training image that it resembles most, and their difference: 1 is usual in their video."""

    test: int
    train: int
    difference: float


def thumbnail(image: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 as few grey values (SIDE * SIDE,) float32, in which noise has no weight."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return cv2.GaussianBlur(grey, (0, 0), 1).ravel()


def find_near_duplicates(
    thumbnails: np.ndarray, videos: Sequence[str], train: Sequence[int], test: Sequence[int]
) -> tuple[NearDuplicate, ...]:
    """The test images that have a near-duplicate among the training images.

    Two images are near-duplicates when their root mean square difference is below :data:`ALIKE` times the median
    difference of two images of the test image's video; the only image of a video has none.

    Parameters
    ----------
    thumbnails
        (M, D), see :func:`thumbnail`.
    videos
        Where each of the M images comes from.
    train, test
        Rows of the images.
    """
    if not len(train) or not len(test):
        return ()
    rows = {video: [row for row, name in enumerate(videos) if name == video] for video in set(videos)}
    usual = {video: _usual_difference(thumbnails[own]) for video, own in rows.items()}
    difference = _differences(thumbnails[np.asarray(test)], thumbnails[np.asarray(train)])
    nearest = difference.argmin(1)
    found = []
    for row, column in enumerate(nearest):
        relative = float(difference[row, column]) / usual[videos[test[row]]]
        if relative < ALIKE:
            found.append(NearDuplicate(int(test[row]), int(train[column]), relative))
    return tuple(found)


def _usual_difference(images: np.ndarray) -> float:
    """The median difference of two images; nan for a single one, so that nothing is small beside it."""
    images = images[np.linspace(0, len(images) - 1, min(len(images), _SAMPLE)).astype(int)]
    pairs = np.triu_indices(len(images), 1)
    known = _differences(images, images)[pairs]
    return max(float(np.median(known)), 1e-3) if len(known) else np.nan


def _differences(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square differences (n, m) of images (n, D) and (m, D)."""
    center = others.mean(0)  # differences of small numbers keep their digits
    some, others = some - center, others - center
    squared = (some**2).sum(1)[:, None] + (others**2).sum(1) - 2 * some @ others.T
    return np.sqrt(np.maximum(squared, 0) / some.shape[1])
