"""Augmentations that change pixels but not the geometry of the image as a whole.

Images are (H, W, 3) uint8 RGB and are never changed in place.  Random numbers come from the generator ``rng``.  Names,
strengths and probabilities are those of DeepLabCut 3.0.2.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

#: Probability of each augmentation.
PROBABILITY = 0.5


def equalize_histogram(image: np.ndarray) -> np.ndarray:
    """Equalize the histogram of each channel."""
    return np.dstack([cv2.equalizeHist(np.ascontiguousarray(image[..., channel])) for channel in range(3)])


def motion_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur along a line of 3, 5 or 7 pixels at a random angle, centered so that nothing is displaced."""
    side = int(rng.choice((3, 5, 7)))
    angle, middle = rng.uniform(0.0, np.pi), side // 2
    dx, dy = middle * np.cos(angle), middle * np.sin(angle)
    start, end = (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy))
    kernel = cv2.line(np.zeros((side, side), np.float32), start, end, color=1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def cover(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cover ten random rectangles with black, their sides 1 to 5 % of the image's.

    Returns
    -------
    tuple of numpy.ndarray
        The image, and the rectangles (10, 4) as x1, y1, x2, y2 in pixels.
    """
    height, width = image.shape[:2]
    sides = rng.uniform(0.01, 0.05, (10, 2)) * (width, height)
    start = rng.uniform(0.0, 1.0, (10, 2)) * ((width, height) - sides)
    holes = np.concatenate([start, start + np.maximum(sides, 1.0)], axis=1).astype(int)
    image = image.copy()
    for x1, y1, x2, y2 in holes:
        image[y1:y2, x1:x2] = 0
    return image, holes


def elastic(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Displace pixels by smooth noise (sigma 5, alpha 20).

    Returns
    -------
    tuple of numpy.ndarray
        The image, and the displacements (H, W, 2) in pixels, x then y: the result at p shows the source at
        p + displacement[p].
    """
    height, width = image.shape[:2]
    noise = rng.uniform(-1.0, 1.0, (height, width, 2)).astype(np.float32)
    displacement = 20.0 * cv2.GaussianBlur(noise, (0, 0), 5.0)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    image = cv2.remap(
        image, x + displacement[..., 0], y + displacement[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return image, displacement


def displace_points(xy: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """Move points like the pixels under :func:`elastic`.

    Parameters
    ----------
    xy
        Points (..., 2) of the source in pixels; nan stays nan.
    displacement
        (H, W, 2) from :func:`elastic`.

    Returns
    -------
    numpy.ndarray
        Points (..., 2) of the result.
    """
    limit = np.array(displacement.shape[1::-1]) - 1
    moved = xy
    for _ in range(3):  # solves moved + displacement[moved] = xy; smooth, small displacements converge immediately
        cell = np.nan_to_num(np.clip(np.round(moved), 0, limit)).astype(int)
        moved = xy - displacement[cell[..., 1], cell[..., 0]]
    return moved


def blend_with_gray(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blend the image with its gray version, which gets a weight of 50 to 100 %."""
    weight = float(rng.uniform(0.5, 1.0))
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(gray, weight, image, 1.0 - weight, 0.0)


def add_noise(image: np.ndarray, max_sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise to each channel; its variance is uniform between 0 and ``max_sigma`` squared."""
    sigma = max_sigma * np.sqrt(rng.uniform(0.0, 1.0))
    # pixels are integers, so a table of rounded quantiles is as good as normal numbers and seven times faster
    table = np.round(np.clip(sigma * _quantiles(), -255, 255)).astype(np.int16)
    indices = np.frombuffer(rng.bytes(2 * image.size), np.uint16)
    return cv2.add(image, table[indices].reshape(image.shape), dtype=cv2.CV_8U)


@cache
def _quantiles() -> np.ndarray:
    """65,536 equally likely values of the standard normal distribution."""
    from scipy.special import ndtri

    result: np.ndarray = ndtri((np.arange(1 << 16) + 0.5) / (1 << 16))
    return result
