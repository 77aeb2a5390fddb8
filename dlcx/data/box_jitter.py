"""Perturb the boxes of animals randomly, so that training crops resemble those of a detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BoxJitter:
    """Shifts and scales boxes randomly, with truncated normal distributions as in MMPose's ``RandomBBoxTransform``.

    Parameters
    ----------
    shift
        Maximum shift of the center, relative to the size of the box.
    shift_p
        Probability of a shift.
    scale
        Lowest and highest factor of width and height.
    scale_p
        Probability of scaling.
    p
        Probability of changing the box at all.
    """

    shift: float = 0.1
    shift_p: float = 0.25
    scale: tuple[float, float] = (0.75, 1.25)
    scale_p: float = 1.0
    p: float = 1.0

    def sample(self, box: np.ndarray, image: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """Sample a perturbed box.

        Parameters
        ----------
        box
            (4,) as x, y, width, height in pixels.
        image
            (width, height) to which the result is clipped.
        rng
            Source of random numbers.

        Returns
        -------
        numpy.ndarray
            (4,) as x, y, width, height.
        """
        changed, shifted, scaled = rng.random(3) < (self.p, self.shift_p, self.scale_p)
        shift, growth = _truncated_normal(rng, 2), _truncated_normal(rng, 2)
        if not changed:
            return box
        size, center = box[2:], box[:2] + box[2:] / 2
        if shifted:
            center = center + self.shift * shift * size
        if scaled:
            low, high = self.scale
            size = size * ((low + high) / 2 + growth * (high - low) / 2)
        corners = np.clip([center - size / 2, center + size / 2], 0, image)
        return np.concatenate([corners[0], corners[1] - corners[0]])


def _truncated_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Sample from a normal distribution truncated to -1..1."""
    values = rng.standard_normal(count)
    while (beyond := np.abs(values) > 1).any():
        values[beyond] = rng.standard_normal(int(beyond.sum()))
    return values
