"""Crops around animals, as top-down nets see them: a window of the image, resized to one size.

Geometry of DeepLabCut 3.0.2, down to its rounding.  Boxes are x, y, width, height in pixels of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class CropWindow:
    """A part of an image, in whole pixels and perhaps reaching beyond it: image = crop * scale + offset, x then y.

    Only what lies in ``inner`` (x1, y1, x2, y2) shows the image; the rest of ``outer`` is black.
    """

    outer: tuple[int, int, int, int]
    inner: tuple[int, int, int, int]
    size: tuple[int, int]

    @property
    def offset(self) -> tuple[int, int]:
        """Where the crop begins in the image."""
        return self.outer[:2]

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the image that a pixel of the crop stands for."""
        x1, y1, x2, y2 = self.outer
        return (x2 - x1) / self.size[0], (y2 - y1) / self.size[1]

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The crop (height, width, 3) of an image (H, W, 3) uint8; black where nothing of it is inside."""
        x1, y1, x2, y2 = self.inner
        if x2 <= x1 or y2 <= y1:
            return np.zeros((self.size[1], self.size[0], 3), image.dtype)
        left, top, right, bottom = self.outer
        part = image[y1:y2, x1:x2]
        borders = (y1 - top, bottom - y2, x1 - left, right - x2)
        if any(borders):
            part = cv2.copyMakeBorder(part, *borders, borderType=cv2.BORDER_CONSTANT, value=(0, 0, 0))
        return cv2.resize(part, self.size, interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Cropping:
    """How boxes become crops of ``size`` (width, height).

    ``margin`` pixels are added around the box.  With ``context`` the shorter side is widened until the aspect ratio is
    that of the crop; without it the box is clipped to the image and black bars are added instead.
    """

    size: tuple[int, int]
    margin: int = 0
    context: bool = True

    def window(self, box: np.ndarray, image: tuple[int, int]) -> CropWindow:
        """The window of a box (4,) in an image of (width, height)."""
        x, y, width, height = (float(value) for value in box)
        centre = np.array([x + width / 2, y + height / 2])
        width, height = width + 2 * self.margin, height + 2 * self.margin
        ratio = self.size[0] / self.size[1]
        if self.context:
            width, height = max(width, height * ratio), max(height, width / ratio)
        half = np.array([width, height]) / 2
        left, top, right, bottom = np.round([*(centre - half), *(centre + half)]).astype(int).tolist()
        right, bottom = max(right, left + 1), max(bottom, top + 1)  # a box that rounds to nothing is still a place
        inner = max(left, 0), max(top, 0), min(right, image[0]), min(bottom, image[1])
        if not self.context:
            seen_width, seen_height = inner[2] - inner[0], inner[3] - inner[1]
            bar_y = max(int(seen_width - seen_height * ratio) // 2, 0)
            bar_x = max(int(seen_height - seen_width / ratio) // 2, 0)
            left, top, right, bottom = left - bar_x, top - bar_y, right + bar_x, bottom + bar_y
        return CropWindow((left, top, right, bottom), inner, self.size)


def boxes_around(xy: np.ndarray, image: tuple[int, int], margin: float) -> np.ndarray:
    """Boxes (N, 4) around the seen points of (N, K, 2), enlarged by ``margin``, clipped to an image of (width, height).

    An animal without points has an empty box.
    """
    seen = np.isfinite(xy)
    low = np.clip(np.where(seen, xy, np.inf).min(1, initial=np.inf) - margin, 0, image)
    high = np.clip(np.where(seen, xy, -np.inf).max(1, initial=-np.inf) + margin, 0, image)
    empty = ~seen.any((1, 2))[:, None]
    return np.concatenate([np.where(empty, 0.0, low), np.where(empty, 0.0, np.maximum(high - low, 0.0))], -1)
