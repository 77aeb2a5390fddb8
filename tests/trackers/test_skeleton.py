from __future__ import annotations

import numpy as np

from dlcx.trackers.skeleton import Skeleton


def test_the_state_is_all_keypoints() -> None:
    xy = np.arange(12.0).reshape(2, 3, 2)
    assert Skeleton(3).measure(xy).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert len(Skeleton(3).noise.initial) == 6


def test_distance_is_that_of_the_worst_keypoint_to_the_nearest_one() -> None:
    pose = np.array([[0.0, 0, 10, 0]])
    others = np.array([[0.0, 0, 10, 0], [10, 0, 0, 0], [3, 0, 10, 4], [np.nan, np.nan, 10, 0]])
    assert Skeleton(2).similarity(pose, others).tolist() == [[0, 0, -4, -10]]


def test_missing_keypoints_of_the_measured_pose_do_not_count() -> None:
    pose = np.array([[0.0, 1, np.nan, np.nan]])
    assert Skeleton(2).similarity(pose, np.array([[0.0, 0, 50, 0]])).tolist() == [[-1]]
