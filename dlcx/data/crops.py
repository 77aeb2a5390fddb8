"""Crop images around animals for top-down networks.

The geometry equals that of DeepLabCut 3.0.2, including its rounding.  Boxes are x, y, width, height in pixels of the
image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class CropWindow:
    """A region of an image that is resized to a crop: image = crop * scale + offset, x then y.

    Parameters
    ----------
    outer
        The region as x1, y1, x2, y2 in pixels of the image; it may extend beyond the image.
    inner
        The part of ``outer`` that shows the image; the rest of the crop is black.
    size
        (width, height) of the crop in pixels.
    """

    outer: tuple[int, int, int, int]
    inner: tuple[int, int, int, int]
    size: tuple[int, int]

    @property
    def offset(self) -> tuple[int, int]:
        """Position (x, y) of the crop's top left corner in the image, in pixels."""
        return self.outer[:2]

    @property
    def scale(self) -> tuple[float, float]:
        """Size (x, y) of a pixel of the crop in pixels of the image."""
        x1, y1, x2, y2 = self.outer
        return (x2 - x1) / self.size[0], (y2 - y1) / self.size[1]

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Extract the crop (height, width, 3) from an image (H, W, 3) uint8; black outside the image."""
        x1, y1, x2, y2 = self.inner
        if x2 <= x1 or y2 <= y1:
            return np.zeros((self.size[1], self.size[0], 3), image.dtype)
        left, top, right, bottom = self.outer
        region = image[y1:y2, x1:x2]
        borders = (y1 - top, bottom - y2, x1 - left, right - x2)
        if any(borders):
            region = cv2.copyMakeBorder(region, *borders, borderType=cv2.BORDER_CONSTANT, value=(0, 0, 0))
        return cv2.resize(region, self.size, interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Cropping:
    """Rules that turn boxes into crops.

    Parameters
    ----------
    size
        (width, height) of the crops in pixels.
    margin
        Pixels added to each side of the box.
    context
        Enlarge the shorter side until the box has the aspect ratio of the crop.  False clips the box to the image and
        adds black bars instead.
    """

    size: tuple[int, int]
    margin: int = 0
    context: bool = True

    def window(self, box: np.ndarray, image: tuple[int, int]) -> CropWindow:
        """Region to crop for a box (4,) in an image of (width, height)."""
        x, y, width, height = (float(value) for value in box)
        center = np.array([x + width / 2, y + height / 2])
        width, height = width + 2 * self.margin, height + 2 * self.margin
        ratio = self.size[0] / self.size[1]
        if self.context:
            width, height = max(width, height * ratio), max(height, width / ratio)
        half = np.array([width, height]) / 2
        left, top, right, bottom = np.round([*(center - half), *(center + half)]).astype(int).tolist()
        right, bottom = max(right, left + 1), max(bottom, top + 1)  # keep at least one pixel
        inner = max(left, 0), max(top, 0), min(right, image[0]), min(bottom, image[1])
        if not self.context:
            seen_width, seen_height = inner[2] - inner[0], inner[3] - inner[1]
            bar_y = max(int(seen_width - seen_height * ratio) // 2, 0)
            bar_x = max(int(seen_height - seen_width / ratio) // 2, 0)
            left, top, right, bottom = left - bar_x, top - bar_y, right + bar_x, bottom + bar_y
        return CropWindow((left, top, right, bottom), inner, self.size)


def boxes_around(xy: np.ndarray, image: tuple[int, int], margin: float) -> np.ndarray:
    """Compute the bounding boxes of animals.

    Parameters
    ----------
    xy
        Keypoints (N, K, 2) in pixels of the image, nan where unseen.
    image
        (width, height) to which the boxes are clipped.
    margin
        Pixels added to each side.

    Returns
    -------
    numpy.ndarray
        (N, 4) as x, y, width, height; an animal without keypoints gets an empty box at 0, 0.

    Examples
    --------
    >>> boxes_around(np.array([[[10.0, 20.0], [30.0, 50.0]]]), (100, 100), margin=5)
    array([[ 5., 15., 30., 40.]])
    """
    seen = np.isfinite(xy)
    low = np.clip(np.where(seen, xy, np.inf).min(1, initial=np.inf) - margin, 0, image)
    high = np.clip(np.where(seen, xy, -np.inf).max(1, initial=-np.inf) + margin, 0, image)
    empty = ~seen.any((1, 2))[:, None]
    return np.concatenate([np.where(empty, 0.0, low), np.where(empty, 0.0, np.maximum(high - low, 0.0))], -1)
