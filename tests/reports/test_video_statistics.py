"""Statistics of the poses of a video."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from dlcx.poses import Layout, Tracks
from dlcx.reports.video_statistics import JUMP_FACTOR, VideoStatistics, median

LAYOUT = Layout(("nose", "tail"), ("a", "b"), multi=True)


def statistics(xy: np.ndarray, score: np.ndarray, *, linked: bool = True) -> VideoStatistics:
    found = SimpleNamespace(
        files=SimpleNamespace(frames=SimpleNamespace(is_file=lambda: False)), file=SimpleNamespace(is_linked=linked)
    )
    return VideoStatistics(found, 0.6, SimpleNamespace(fps=10.0), Tracks(LAYOUT, xy, score, first=5))


def moving() -> tuple[np.ndarray, np.ndarray]:
    """Two animals that move one pixel to the right in each of 20 frames."""
    xy = np.zeros((20, 2, 2, 2)) + np.arange(20.0)[:, None, None, None] * np.array([1.0, 0.0])
    return xy, np.ones((20, 2, 2))


def test_confident_missing_and_present() -> None:
    xy, score = moving()
    score[3, 0, 1] = 0.59
    xy[4, 1], score[4, 1] = np.nan, np.nan
    stats = statistics(xy, score)
    assert stats.numbers.tolist() == list(range(5, 25))
    assert stats.names == ["a nose", "a tail", "b nose", "b tail"]
    assert np.argwhere(~stats.confident).tolist() == [[3, 1], [4, 2], [4, 3]]
    assert np.argwhere(~stats.known).tolist() == [[4, 2], [4, 3]]
    assert np.argwhere(~stats.present).tolist() == [[4, 1]]


def test_speed_and_steps_are_measured_between_consecutive_frames() -> None:
    xy, score = moving()
    score[6, 0] = 0.1
    stats = statistics(xy, score)
    np.testing.assert_allclose(stats.speed[1:6], 10.0)  # px/s at 10 frames per second
    assert np.isnan(stats.speed[0]).all()
    assert np.flatnonzero(np.isnan(stats.step[1:, 0])).tolist() == [5, 6]


def test_a_jump_is_a_step_far_above_the_median() -> None:
    xy, score = moving()
    xy[8:, 0, 0] += 2 * JUMP_FACTOR  # the median step is one pixel, to which one is added
    xy[12:, 1, 1] += JUMP_FACTOR
    assert np.flatnonzero(statistics(xy, score).jumps).tolist() == [8]


def test_quantiles_of_the_likelihoods_of_detected_points() -> None:
    xy, score = moving()
    score[0] = [[0.1, 0.2], [0.3, 0.4]]
    xy[0, 0, 0] = np.nan
    xy[1], score[1] = np.nan, np.nan
    stats = statistics(xy, score)
    assert stats.likelihood(0.0)[0] == 0.2
    assert stats.likelihood(0.5)[0] == 0.3
    assert stats.likelihood(1.0)[0] == 0.4
    assert np.isnan(stats.likelihood(0.5)[1])


def test_frames_without_a_likelihood_are_unreadable_unless_animals_were_linked() -> None:
    xy, score = moving()
    xy[7], score[7] = np.nan, np.nan
    assert statistics(xy, score).unreadable is None
    assert np.flatnonzero(~statistics(xy, score, linked=False).readable).tolist() == [7]


def test_medians_ignore_missing_values() -> None:
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(median(values, 0), [2.0, np.nan])
