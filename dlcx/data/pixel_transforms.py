"""What augmentation does to pixels alone; each function draws from the generator it is given.

Images are (H, W, 3) uint8 and are never changed in place.  Names, strengths and chances are those of DeepLabCut 3.0.2.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

CHANCE = 0.5


def equalise(image: np.ndarray) -> np.ndarray:
    """Histogram equalisation of each channel."""
    return np.dstack([cv2.equalizeHist(np.ascontiguousarray(image[..., channel])) for channel in range(3)])


def motion_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur along a line of 3, 5 or 7 pixels at any angle, through the pixel, so that nothing is displaced."""
    side = int(rng.choice((3, 5, 7)))
    angle, middle = rng.uniform(0.0, np.pi), side // 2
    dx, dy = middle * np.cos(angle), middle * np.sin(angle)
    start, end = (round(middle - dx), round(middle - dy)), (round(middle + dx), round(middle + dy))
    kernel = cv2.line(np.zeros((side, side), np.float32), start, end, color=1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


def cover(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ten black holes with sides of 1 to 5 % of the image; returns the holes (10, 4) as x1, y1, x2, y2 as well."""
    height, width = image.shape[:2]
    sides = rng.uniform(0.01, 0.05, (10, 2)) * (width, height)
    start = rng.uniform(0.0, 1.0, (10, 2)) * ((width, height) - sides)
    holes = np.concatenate([start, start + np.maximum(sides, 1.0)], axis=1).astype(int)
    image = image.copy()
    for x1, y1, x2, y2 in holes:
        image[y1:y2, x1:x2] = 0
    return image, holes


def elastic(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Displace pixels by smooth noise (sigma 5, alpha 20); returns the map (H, W, 2) as well.

    The result at p shows the source at p + map[p].
    """
    height, width = image.shape[:2]
    noise = rng.uniform(-1.0, 1.0, (height, width, 2)).astype(np.float32)
    moved = 20.0 * cv2.GaussianBlur(noise, (0, 0), 5.0)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    image = cv2.remap(image, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return image, moved


def displaced(xy: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Where points (..., 2) of the source are after :func:`elastic` with the map ``moved`` (H, W, 2)."""
    limit = np.array(moved.shape[1::-1]) - 1
    place = xy
    for _ in range(3):  # place + moved[place] = xy; the map is smooth and small, so this converges at once
        cell = np.nan_to_num(np.clip(np.round(place), 0, limit)).astype(int)
        place = xy - moved[cell[..., 1], cell[..., 0]]
    return place


def grey(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A blend with the grey image, 50 to 100 % of it."""
    share = float(rng.uniform(0.5, 1.0))
    flat = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(flat, share, image, 1.0 - share, 0.0)


def add_noise(image: np.ndarray, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise on each channel; its variance is uniform from 0 to largest squared."""
    sigma = largest * np.sqrt(rng.uniform(0.0, 1.0))
    # pixels are whole numbers, so a table of rounded quantiles is as good as normal numbers, and seven times quicker
    table = np.round(np.clip(sigma * _quantiles(), -255, 255)).astype(np.int16)
    draws = np.frombuffer(rng.bytes(2 * image.size), np.uint16)
    return cv2.add(image, table[draws].reshape(image.shape), dtype=cv2.CV_8U)


@cache
def _quantiles() -> np.ndarray:
    """65,536 equally likely values of the standard normal distribution."""
    from scipy.special import ndtri

    return ndtri((np.arange(1 << 16) + 0.5) / (1 << 16))
