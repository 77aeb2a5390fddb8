"""Random changes to an animal's box, as if a detector had found it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BoxJitter:
    """Shifts and scales a box with chance ``p``; normal numbers that are cut off at their bounds (MMPose).

    The centre moves by up to ``shift`` times the box's size with chance ``shift_p``; width and height are each scaled
    by ``scale`` (low, high) with chance ``scale_p``.
    """

    shift: float = 0.1
    shift_p: float = 0.25
    scale: tuple[float, float] = (0.75, 1.25)
    scale_p: float = 1.0
    p: float = 1.0

    def sample(self, box: np.ndarray, image: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """The changed box (x, y, width, height), clipped to an image of (width, height)."""
        chosen, moved, scaled = rng.random(3) < (self.p, self.shift_p, self.scale_p)
        shift, growth = _cut_normal(rng, 2), _cut_normal(rng, 2)
        if not chosen:
            return box
        size, centre = box[2:], box[:2] + box[2:] / 2
        if moved:
            centre = centre + self.shift * shift * size
        if scaled:
            low, high = self.scale
            size = size * ((low + high) / 2 + growth * (high - low) / 2)
        corners = np.clip([centre - size / 2, centre + size / 2], 0, image)
        return np.concatenate([corners[0], corners[1] - corners[0]])


def _cut_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Standard normal numbers, those beyond -1 and 1 drawn again."""
    values = rng.standard_normal(count)
    while (beyond := np.abs(values) > 1).any():
        values[beyond] = rng.standard_normal(int(beyond.sum()))
    return values
