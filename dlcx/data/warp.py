"""Geometry of augmentation: 2x3 matrices that move pixels and keypoints alike.

A matrix maps a point of the source image to a point of the result.  Coordinates are pixels, x then y, and whole
numbers are pixel centres, as cv2.warpAffine has it; so the mirror image of x in an image of width w is w - 1 - x.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Warp:
    """A chain of affine steps: ``matrix`` (2, 3) from source to result, ``size`` (width, height) of the result."""

    matrix: np.ndarray
    size: tuple[int, int]

    @classmethod
    def identity(cls, width: int, height: int) -> Warp:
        """Nothing moves."""
        return cls(np.eye(2, 3), (width, height))

    def then(self, matrix: np.ndarray, size: tuple[int, int] | None = None) -> Warp:
        """This warp, followed by ``matrix`` (2, 3); the canvas becomes ``size``."""
        linear, offset = matrix[:, :2], matrix[:, 2:]
        composed = linear @ self.matrix
        composed[:, 2:] += offset
        return Warp(composed, size or self.size)

    def shifted(self, dx: float, dy: float, size: tuple[int, int] | None = None) -> Warp:
        """This warp, followed by a shift; the canvas becomes ``size``."""
        return self.then(np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]]), size)

    def mirrored(self) -> Warp:
        """This warp, followed by a swap of left and right."""
        return self.then(np.array([[-1.0, 0.0, self.size[0] - 1.0], [0.0, 1.0, 0.0]]))

    def rotated(self, degrees: float, scale: float, shift: tuple[float, float]) -> Warp:
        """This warp, followed by a turn and scaling about the centre of the canvas and a shift."""
        centre = (np.array(self.size) - 1.0) / 2.0
        angle = np.deg2rad(degrees)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = centre + shift - linear @ centre
        return self.then(np.column_stack([linear, offset]))

    @property
    def area(self) -> float:
        """By how much areas grow."""
        return float(abs(np.linalg.det(self.matrix[:, :2])))

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Points (..., 2) of the source in the result; nan stays nan."""
        return xy @ self.matrix[:, :2].T + self.matrix[:, 2]

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """The boxes (N, 4; x, y, width, height) around what boxes of the source become, clipped to the canvas."""
        x, y, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
        corners = self.points(np.stack([x, y, right, y, right, bottom, x, bottom], -1).reshape(-1, 4, 2))
        low, high = (np.clip(edge, 0, self.size) for edge in (corners.min(1), corners.max(1)))
        return np.concatenate([low, high - low], -1)

    def image(self, image: np.ndarray) -> np.ndarray:
        """The image (H, W, 3) resampled once, bilinear; what lies outside of the source is black."""
        source = image.shape[1], image.shape[0]
        whole = np.array_equal(self.matrix, np.round(self.matrix)) and np.array_equal(self.matrix[:, :2], np.eye(2))
        if whole and source == self.size and not self.matrix[:, 2].any():
            return image
        flags = cv2.INTER_NEAREST if whole else cv2.INTER_LINEAR  # equal pixels for a plain shift, and quicker
        return cv2.warpAffine(image, self.matrix, self.size, flags=flags, borderMode=cv2.BORDER_CONSTANT)


def is_inside(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which points (..., 2) lie in an image of ``size`` (width, height), borders included; nan does not."""
    return np.asarray(np.all((xy >= 0) & (xy <= np.asarray(size)), axis=-1))
