from __future__ import annotations

import numpy as np
import pytest
from walking_animals import frames

from dlcx.trackers.detections import Detections
from dlcx.trackers.motion_cost import LAGS, MotionCost, miss_cost
from dlcx.trackers.reliable_tracklets import ReliableTracklets, body_length

WALK = frames([(2.0 * t, 10.0) for t in range(200)])


def estimate(detections: Detections) -> MotionCost:
    body = body_length(detections)
    return MotionCost.estimate(detections, ReliableTracklets.of(detections, body), body)


def test_costs_grow_with_distance_and_gap() -> None:
    found = Detections.of(WALK, 4)
    motion = estimate(found)
    assert (np.diff(motion.typical_distance) >= 0).all()
    row = np.arange(2)
    next_frame, after_gap = (motion.cost(found, row, row + lag, np.array([[2.0, 0]] * 2)) for lag in (1, 10))
    wrong_way = motion.cost(found, row, row + 1, np.array([[-40.0, 0]] * 2))
    assert (next_frame < after_gap).all()
    assert (wrong_way > after_gap).all()


def test_motion_of_short_videos_is_extrapolated_as_a_random_walk() -> None:
    motion = estimate(Detections.of(WALK[:3], 4))
    np.testing.assert_allclose(motion.typical_distance, 0.1 * motion.body * np.sqrt(LAGS))


def test_unsteady_motion_raises_the_typical_distance() -> None:
    random = np.random.default_rng(0)
    unsteady = frames([(2.0 * t + random.normal(0, 3), 10.0) for t in range(200)])
    steady, jittered = (estimate(Detections.of(one, 4)).typical_distance for one in (WALK, unsteady))
    assert (jittered[:3] > 2 * steady[:3]).all()  # at longer lags the speed itself has decayed


def test_each_further_missed_frame_costs_less_than_the_first() -> None:
    assert miss_cost(np.array([0, 1, 2, 11])) == pytest.approx([0, 1.5, 1.8, 4.5])
    assert miss_cost(np.array([1000])) == 15
