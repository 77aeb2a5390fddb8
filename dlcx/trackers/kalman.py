"""Kalman filters of constant velocity for all live trackers at once.

The coordinates that a tracker follows never mix: their noise is independent and a coordinate moves by its own speed
alone.  So each is a filter of two states, and its covariance is three numbers; the equations are those of Kalman
(Trans. ASME 82, 1960) written out for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Noise:
    """Variances (D,) of D coordinates and their speeds (a frame): at birth, added a frame, and of a measurement."""

    birth: np.ndarray
    birth_speed: np.ndarray
    step: np.ndarray
    step_speed: np.ndarray
    measured: np.ndarray


class Filters:
    """M filters of D coordinates: value and speed (M, D), and their covariance ``pp``, ``pv``, ``vv`` (M, D)."""

    def __init__(self, noise: Noise) -> None:
        self.noise = noise
        self._state = np.zeros((5, 0, len(noise.birth)))

    def __len__(self) -> int:
        return self._state.shape[1]

    @property
    def value(self) -> np.ndarray:
        """(M, D)."""
        return self._state[0]

    @property
    def speed(self) -> np.ndarray:
        """(M, D), a frame."""
        return self._state[1]

    def add(self, measured: np.ndarray) -> None:
        """New filters at rest where ``measured`` (n, D) says."""
        new = np.zeros((5, *measured.shape))
        new[0], new[2], new[4] = measured, self.noise.birth, self.noise.birth_speed
        self._state = np.concatenate([self._state, new], axis=1)

    def keep(self, kept: np.ndarray) -> None:
        """Only the filters of these numbers, or of a mask (M,)."""
        self._state = self._state[:, kept]

    def predict(self) -> None:
        """One frame on."""
        value, speed, pp, pv, vv = self._state
        value += speed
        pp += 2 * pv + vv + self.noise.step
        pv += vv
        vv += self.noise.step_speed

    def update(self, which: np.ndarray, measured: np.ndarray) -> None:
        """Tell the filters ``which`` (n,) what was measured (n, D); nan was not, and changes nothing.

        A coordinate that was never measured begins with the first measurement.
        """
        value, speed, pp, pv, vv = state = self._state[:, which]
        total = pp + self.noise.measured
        gain, gain_speed = pp / total, pv / total
        wrong = measured - value
        seen = np.isfinite(wrong)
        if not seen.all():
            begins = np.isfinite(measured) & ~np.isfinite(value)
            value[begins] = measured[begins]
            wrong, gain, gain_speed = (np.where(seen, item, 0) for item in (wrong, gain, gain_speed))
        value += gain * wrong
        speed += gain_speed * wrong
        vv -= gain_speed * pv
        pp *= 1 - gain
        pv *= 1 - gain
        self._state[:, which] = state
