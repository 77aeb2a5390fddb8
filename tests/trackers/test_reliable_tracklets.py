from __future__ import annotations

import numpy as np
import pytest
from walking_animals import frames

from dlcx.trackers.detections import Detections
from dlcx.trackers.reliable_tracklets import ReliableTracklets, body_length, pose_distance


def test_one_walking_animal_is_one_tracklet() -> None:
    found = Detections.of(frames([(2.0 * t, 10.0) for t in range(50)]), 4)
    tracklets = ReliableTracklets.of(found, body_length(found))
    assert (tracklets.length.tolist(), tracklets.start.tolist(), tracklets.end.tolist()) == ([50], [0], [49])
    assert (tracklets.head.tolist(), tracklets.tail.tolist()) == ([0], [49])


def test_ambiguous_links_end_tracklets() -> None:
    """Two animals come within 4 px of each other in frames 10 to 12."""
    apart = [60.0] * 10 + [4.0] * 3 + [60.0] * 10
    found = Detections.of(frames([(0.0, 0.0)] * 23, [(gap, 0.0) for gap in apart]), 4)
    tracklets = ReliableTracklets.of(found, 30.0)
    assert len(tracklets) > 2
    for index in range(len(tracklets)):
        x = found.xy[tracklets.rows(index), 0, 0]
        assert len(set(x.tolist())) == 1, "an animal was confused with the other one"


def test_steps_of_half_a_body_length_are_not_reliable() -> None:
    for step, count in ((14.0, 1), (16.0, 6)):
        found = Detections.of(frames([(step * t, 0.0) for t in range(6)]), 4)
        assert len(ReliableTracklets.of(found, 30.0)) == count


def test_a_subset_keeps_its_detections() -> None:
    found = Detections.of(frames([(0.0, 0.0)] * 5, [(200.0, 0.0)] * 5, [(400.0, 0.0)] * 5), 4)
    tracklets = ReliableTracklets.of(found, 30.0)
    subset = tracklets.subset(np.array([0, 2]))
    assert len(subset) == 2
    np.testing.assert_array_equal(subset.rows(1), tracklets.rows(2))
    assert len(tracklets.subset(np.zeros(0, int))) == 0


def test_the_body_is_as_long_as_its_pose_or_as_eight_steps() -> None:
    slow = Detections.of(frames([(2.0 * t, 0.0) for t in range(20)]), 4)
    assert body_length(slow) == pytest.approx(np.hypot(30, 4), abs=1e-3)
    fast = Detections.of(frames([(60.0 * t, 0.0) for t in range(20)]), 4)
    assert body_length(fast) == pytest.approx(480)


def test_distances_of_shared_keypoints() -> None:
    xy = np.array([[[0.0, 0], [10, 0]], [[3, 4], [np.nan, np.nan]], [[np.nan, np.nan], [10, 100]]])
    found = Detections(xy, np.ones((3, 2)), np.full((3, 2), -1.0), np.arange(3), 3)
    still = np.zeros((2, 2))
    one, other = np.array([0, 1]), np.array([1, 2])
    distance = pose_distance(found, one, other, still, 50)
    assert distance[0] == 5
    assert distance[1] == 50  # no shared keypoint: the centroids, at most 50 px
    assert pose_distance(found, one[:1], other[:1], np.array([[3.0, 0]]), 50) == 4
