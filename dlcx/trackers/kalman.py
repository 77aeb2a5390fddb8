"""Constant-velocity Kalman filters of all live trackers at once.

The coordinates that a tracker follows are independent: their noise is uncorrelated, and each coordinate moves by its
own speed only.  Each coordinate is therefore a filter with two states, and its covariance has three distinct entries.
The equations are those of Kalman (Trans. ASME 82, 1960) written out for this case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class KalmanNoise:
    """Variances of D coordinates and of their speeds per frame, (D,) each.

    Parameters
    ----------
    initial, initial_speed
        Of a new filter.
    step, step_speed
        Added in every frame.
    measurement
        Of a measurement.
    """

    initial: np.ndarray
    initial_speed: np.ndarray
    step: np.ndarray
    step_speed: np.ndarray
    measurement: np.ndarray


class KalmanFilters:
    """M filters of D coordinates each.

    The state holds value, speed, and their covariance ``pp``, ``pv``, ``vv``, each (M, D).

    Parameters
    ----------
    noise
        Variances of the coordinates.
    """

    def __init__(self, noise: KalmanNoise) -> None:
        self.noise = noise
        self._state = np.zeros((5, 0, len(noise.initial)))

    def __len__(self) -> int:
        return self._state.shape[1]

    @property
    def value(self) -> np.ndarray:
        """Estimated coordinates (M, D)."""
        result: np.ndarray = self._state[0]
        return result

    @property
    def speed(self) -> np.ndarray:
        """Estimated speeds (M, D) per frame."""
        result: np.ndarray = self._state[1]
        return result

    def add(self, measured: np.ndarray) -> None:
        """Add filters at rest with the coordinates ``measured`` (n, D)."""
        new = np.zeros((5, *measured.shape))
        new[0], new[2], new[4] = measured, self.noise.initial, self.noise.initial_speed
        self._state = np.concatenate([self._state, new], axis=1)

    def keep(self, kept: np.ndarray) -> None:
        """Keep only the filters with these indices, or of a mask (M,)."""
        self._state = self._state[:, kept]

    def predict(self) -> None:
        """Advance all filters by one frame."""
        value, speed, pp, pv, vv = self._state
        value += speed
        pp += 2 * pv + vv + self.noise.step
        pv += vv
        vv += self.noise.step_speed

    def update(self, indices: np.ndarray, measured: np.ndarray) -> None:
        """Correct filters by measurements.

        Parameters
        ----------
        indices
            Filters to correct, (n,).
        measured
            Their measurements (n, D).  nan changes nothing; the first measurement of a coordinate sets its value.
        """
        value, speed, pp, pv, vv = state = self._state[:, indices]
        total = pp + self.noise.measurement
        gain, gain_speed = pp / total, pv / total
        residual = measured - value
        seen = np.isfinite(residual)
        if not seen.all():
            begins = np.isfinite(measured) & ~np.isfinite(value)
            value[begins] = measured[begins]
            residual, gain, gain_speed = (np.where(seen, item, 0) for item in (residual, gain, gain_speed))
        value += gain * residual
        speed += gain_speed * residual
        vv -= gain_speed * pv
        pp *= 1 - gain
        pv *= 1 - gain
        self._state[:, indices] = state
