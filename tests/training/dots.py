"""Images of two dots on noise."""

from __future__ import annotations

import cv2
import numpy as np

SIZE = (80, 64)  # width, height
COLORS = ((255, 40, 40), (40, 255, 40))


def draw_dots(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image (64, 80, 3) RGB and the centers (2, 2) of its red and green dots."""
    image = rng.integers(60, 120, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    centers = rng.integers(14, (SIZE[0] - 14, SIZE[1] - 14), (2, 2))
    for center, color in zip(centers.tolist(), COLORS, strict=True):
        cv2.circle(image, center, 4, color, -1)
    return image, centers.astype(float)
