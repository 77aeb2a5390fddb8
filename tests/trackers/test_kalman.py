"""Kalman filters equal the equations in matrix form."""

from __future__ import annotations

import numpy as np

from dlcx.trackers.kalman import KalmanFilters, KalmanNoise

NOISE = KalmanNoise(
    initial=np.array([10.0, 4.0]),
    initial_speed=np.array([100.0, 9.0]),
    step=np.array([1.0, 2.0]),
    step_speed=np.array([0.1, 0.2]),
    measurement=np.array([3.0, 5.0]),
)


def matrix_filter(measurements: list[float], axis: int) -> tuple[float, float]:
    """Value and speed after a prediction and a correction for every further measurement."""
    state = np.array([measurements[0], 0.0])
    covariance = np.diag([NOISE.initial[axis], NOISE.initial_speed[axis]])
    step, noise = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([NOISE.step[axis], NOISE.step_speed[axis]])
    observe = np.array([[1.0, 0.0]])
    for measurement in measurements[1:]:
        state, covariance = step @ state, step @ covariance @ step.T + noise
        gain = covariance @ observe.T / (observe @ covariance @ observe.T + NOISE.measurement[axis])
        state = state + (gain * (measurement - state[0]))[:, 0]
        covariance = (np.eye(2) - gain @ observe) @ covariance
    return float(state[0]), float(state[1])


def test_filters_equal_the_matrix_equations() -> None:
    measured = np.array([[0.0, 5.0], [2.0, 5.5], [3.5, 7.0], [6.0, 7.5]])
    filters = KalmanFilters(NOISE)
    filters.add(measured[:1])
    for row in measured[1:]:
        filters.predict()
        filters.update(np.array([0]), row[None])
    for axis in (0, 1):
        value, speed = matrix_filter(measured[:, axis].tolist(), axis)
        np.testing.assert_allclose([filters.value[0, axis], filters.speed[0, axis]], [value, speed])


def test_nan_changes_nothing_and_the_first_measurement_sets_the_value() -> None:
    filters = KalmanFilters(NOISE)
    filters.add(np.array([[1.0, np.nan], [7.0, 8.0]]))
    filters.update(np.array([0]), np.array([[np.nan, 3.0]]))
    np.testing.assert_array_equal(filters.value, [[1, 3], [7, 8]])
    assert (filters.speed == 0).all()


def test_filters_are_added_and_removed() -> None:
    filters = KalmanFilters(NOISE)
    filters.add(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    filters.keep(np.array([True, False, True]))
    assert len(filters) == 2
    assert filters.value[:, 0].tolist() == [1, 3]
