from __future__ import annotations

import numpy as np
from one_point_tracks import made, track

from dlcx.trackers.segments import TrackSegment, join_segments, split_tracklets


def test_tracklets_are_split_at_gaps_and_sorted_by_length() -> None:
    found, tracklets = made(track([20, 21, 22, 23], 0), track([0, 1, 2, 5, 6], 50))
    long, short = split_tracklets(found, tracklets, min_length=3, at_gaps=True)
    assert [segment.frames.tolist() for segment in long] == [[0, 1, 2], [20, 21, 22, 23]]
    assert [segment.frames.tolist() for segment in short] == [[5, 6]]
    long, short = split_tracklets(found, tracklets, min_length=3, at_gaps=False)
    assert [segment.frames.tolist() for segment in long] == [[0, 1, 2, 5, 6], [20, 21, 22, 23]]
    assert short == []


def test_a_segment_knows_its_ends_and_its_identity() -> None:
    found, tracklets = made([(3, 10.0, 1), (4, 12.0, 0), (6, 20.0, 1)])
    segment = TrackSegment(found, tracklets[0].rows)
    assert (segment.start, segment.end, len(segment), segment.identity) == (3, 6, 3, 1)
    assert segment.first_centroid.tolist() == [10, 0]
    assert segment.last_centroid.tolist() == [20, 0]
    assert segment.jerkiness == 6  # velocities of 2 and 8 px
    nameless, tracklets = made(track(range(3), 0))
    assert TrackSegment(nameless, tracklets[0].rows).identity == -1


def test_joined_segments_are_in_the_order_of_frames() -> None:
    found, tracklets = made(track([5, 6], 0), track([1, 2], 50))
    joined = join_segments([TrackSegment(found, tracklet.rows) for tracklet in tracklets])
    assert joined.frames.tolist() == [1, 2, 5, 6]
    np.testing.assert_array_equal(joined.centroid[:, 0], [51, 52, 5, 6])
