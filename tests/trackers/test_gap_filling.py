from __future__ import annotations

from one_point_tracks import made, track

from dlcx.trackers.gap_filling import MAX_JOINED_GAP, insert_short_segments, join_short_segments
from dlcx.trackers.segments import TrackSegment, split_tracklets
from dlcx.trackers.stitch import stitch


def test_short_segments_are_joined_in_time() -> None:
    """The order in which they are listed does not matter; the joined segment fills a gap of the track that it fits."""
    found, tracklets = made(
        track(range(40), 0),
        track([*range(15), *range(30, 45)], 100),
        track(range(24, 29), 100),
        track(range(16, 23), 100),
    )
    long, short = split_tracklets(found, tracklets, min_length=10, at_gaps=True)
    assert len(long) == 3
    (joined,) = join_short_segments(short)
    assert joined.frames.tolist() == [*range(16, 23), *range(24, 29)]
    done = stitch(found, tracklets, 2)
    assert len(done.tracks[1]) == 42


def test_short_segments_go_to_the_nearest_track_that_they_fit() -> None:
    hole = [*range(10), *range(20, 30)]
    found, tracklets = made(track(range(30), 0), track(hole, 100), track(hole, 200), track(range(12, 15), 190))
    segments = [TrackSegment(found, tracklet.rows) for tracklet in tracklets]
    assert [len(segment) for segment in insert_short_segments(segments[:3], segments[3:])] == [30, 20, 23]


def test_a_segment_that_fits_one_track_goes_first() -> None:
    """The long segment fits both tracks and is nearer to the first one, which the short one needs."""
    found, tracklets = made(
        track([*range(10), *range(30, 40)], 0),
        track([*range(16), *range(30, 40)], 100),
        track(range(18, 26), 0),
        track(range(12, 20), 0),
    )
    segments = [TrackSegment(found, tracklet.rows) for tracklet in tracklets]
    first, second = insert_short_segments(segments[:2], segments[2:])
    assert first.frames.tolist() == [*range(10), *range(12, 20), *range(30, 40)]
    assert second.frames.tolist() == [*range(16), *range(18, 26), *range(30, 40)]


def test_single_frames_fill_no_gap() -> None:
    found, tracklets = made(track([0, 1, 2, 6, 7], 0), track([4], 0))
    segments = [TrackSegment(found, tracklet.rows) for tracklet in tracklets]
    assert [len(segment) for segment in insert_short_segments(segments[:1], segments[1:])] == [5]


def test_short_segments_far_apart_stay_separate() -> None:
    for gap, count in ((MAX_JOINED_GAP - 1, 1), (MAX_JOINED_GAP, 2)):
        found, tracklets = made(track([0, 1], 0), track([1 + gap, 2 + gap], 0))
        segments = [TrackSegment(found, tracklet.rows) for tracklet in tracklets]
        assert len(join_short_segments(segments)) == count
