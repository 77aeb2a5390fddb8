"""Affine transforms that move pixels and keypoints together.

A matrix (2, 3) maps a point of the source image to a point of the result.  Coordinates are pixels, x then y, and
integers are pixel centers, as in cv2.warpAffine.  The mirror image of x in an image of width w is therefore w - 1 - x.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Warp:
    """A composed affine transform; each method returns this transform followed by another step.

    Parameters
    ----------
    matrix
        (2, 3), from source to result.
    size
        (width, height) of the result in pixels.
    """

    matrix: np.ndarray
    size: tuple[int, int]

    @classmethod
    def identity(cls, width: int, height: int) -> Warp:
        """The transform that changes nothing."""
        return cls(np.eye(2, 3), (width, height))

    def then(self, matrix: np.ndarray, size: tuple[int, int] | None = None) -> Warp:
        """Apply ``matrix`` (2, 3) afterwards; ``size`` changes the size of the result."""
        linear, offset = matrix[:, :2], matrix[:, 2:]
        composed = linear @ self.matrix
        composed[:, 2:] += offset
        return Warp(composed, size or self.size)

    def shifted(self, dx: float, dy: float, size: tuple[int, int] | None = None) -> Warp:
        """Shift by dx, dy pixels afterwards; ``size`` changes the size of the result."""
        return self.then(np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]]), size)

    def mirrored(self) -> Warp:
        """Mirror left and right afterwards."""
        return self.then(np.array([[-1.0, 0.0, self.size[0] - 1.0], [0.0, 1.0, 0.0]]))

    def rotated(self, degrees: float, scale: float, shift: tuple[float, float]) -> Warp:
        """Rotate and scale about the center of the result, then shift by pixels (x, y)."""
        center = (np.array(self.size) - 1.0) / 2.0
        angle = np.deg2rad(degrees)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        offset = center + shift - linear @ center
        return self.then(np.column_stack([linear, offset]))

    @property
    def area(self) -> float:
        """Factor by which areas grow."""
        return float(abs(np.linalg.det(self.matrix[:, :2])))

    def points(self, xy: np.ndarray) -> np.ndarray:
        """Map points (..., 2) of the source to the result; nan stays nan."""
        result: np.ndarray = xy @ self.matrix[:, :2].T + self.matrix[:, 2]
        return result

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Map boxes (N, 4) as x, y, width, height; returns the boxes around the results, clipped to the image."""
        x, y, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
        corners = self.points(np.stack([x, y, right, y, right, bottom, x, bottom], -1).reshape(-1, 4, 2))
        low, high = (np.clip(edge, 0, self.size) for edge in (corners.min(1), corners.max(1)))
        return np.concatenate([low, high - low], -1)

    def image(self, image: np.ndarray) -> np.ndarray:
        """Transform an image (H, W, 3) with bilinear interpolation; black outside the source."""
        source = image.shape[1], image.shape[0]
        integer_shift = np.array_equal(self.matrix[:, :2], np.eye(2)) and not np.any(self.matrix[:, 2] % 1)
        if integer_shift and source == self.size and not self.matrix[:, 2].any():
            return image
        flags = cv2.INTER_NEAREST if integer_shift else cv2.INTER_LINEAR  # the same pixels, but faster
        return cv2.warpAffine(image, self.matrix, self.size, flags=flags, borderMode=cv2.BORDER_CONSTANT)


def is_inside(xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Whether points (..., 2) lie within an image of ``size`` (width, height), including its border; nan does not."""
    return np.asarray(np.all((xy >= 0) & (xy <= np.asarray(size)), axis=-1))
