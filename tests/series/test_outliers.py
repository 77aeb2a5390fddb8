from __future__ import annotations

import numpy as np

from dlcx.series.outliers import deviating_frames, displaced_frames, uncertain_frames


def test_one_uncertain_point_makes_a_frame_uncertain() -> None:
    score = np.array([[0.9, 0.9], [0.9, 0.39], [0.4, 0.9], [np.nan, 0.9]])
    assert uncertain_frames(score, 0.4).tolist() == [False, True, False, False]


def test_one_point_far_from_its_previous_position_is_enough() -> None:
    xy = np.array([[[0, 0], [50, 50]], [[3, 4], [50, 50]], [[3, 4], [50, 56]], [[np.nan, np.nan], [50, 56]]])
    assert displaced_frames(xy, 5).tolist() == [False, False, True, False]
    assert displaced_frames(xy, 4.9).tolist() == [False, True, True, False]


def test_frames_off_the_predicted_path_deviate_on_average_of_all_points() -> None:
    time = np.arange(80.0)
    xy = np.stack([np.stack([time, 40 + 0 * time], -1), np.stack([200 - time, 90 + 0 * time], -1)], 1)
    xy[50, 0] += 60
    score = np.ones((80, 2))
    found = deviating_frames(xy, score, 20, min_score=0.1)
    assert found[50]
    assert not found[10:50].any()
    assert not deviating_frames(xy, score, 80, min_score=0.1)[10:].any()  # the mean over both points is about 42 px


def test_uncertain_points_do_not_influence_the_model() -> None:
    time = np.arange(60.0)
    xy = np.stack([time, time], -1)[:, None]
    score = np.ones((60, 1))
    xy[30], score[30] = 500, 0.05
    found = deviating_frames(xy, score, 20, min_score=0.1)
    assert np.flatnonzero(found[5:]).tolist() == [25]  # the frame itself is far off, the following ones are not
