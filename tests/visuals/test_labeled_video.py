"""What is painted into the frames of a labeled video, pixel by pixel."""

import numpy as np
import pytest

from dlcx.poses import Layout, Tracks
from dlcx.visuals.colors import PAIR, point_colors
from dlcx.visuals.labeled_video import PosePainter, even_rows, with_frame_number

#: One point that moves 20 pixels to the right in every frame, from x = 10.
STEP, START, ROW = 20, 10, 30


def moving(frames: int = 8, first: int = 0) -> Tracks:
    xy = np.full((frames, 1, 1, 2), float(ROW))
    xy[:, 0, 0, 0] = START + STEP * np.arange(frames)
    return Tracks(Layout(("nose",), ("a",)), xy, np.ones((frames, 1, 1)), first=first)


def two_animals(score: float = 1.0) -> Tracks:
    xy = np.array([[[[20.0, 20.0], [40.0, 20.0]], [[20.0, 60.0], [40.0, 60.0]]]])
    return Tracks(Layout(("nose", "tail"), ("a", "b"), multi=True), xy, np.full((1, 2, 2), score))


def painted(tracks: Tracks, frame: int, **options) -> np.ndarray:
    return PosePainter(tracks, pcutoff=0.5, **options)(np.zeros((80, 200, 3), np.uint8), frame)


@pytest.mark.parametrize("first", [0, 100])
@pytest.mark.parametrize(("trail", "frame", "segments"), [(0, 5, 0), (1, 5, 1), (3, 5, 3), (5, 5, 5), (9, 4, 4)])
def test_a_trail_has_one_segment_for_each_earlier_frame(first, trail, frame, segments):
    image = painted(moving(first=first), first + frame, trail=trail, dotsize=2)
    middles = START + STEP * np.arange(7) + STEP // 2  # halfway between the points of two frames
    seen = image[ROW, middles].any(-1)
    assert seen.tolist() == [frame - segments <= step < frame for step in range(7)]


def test_a_trail_has_a_gap_where_a_point_is_below_the_cutoff():
    tracks = moving()
    tracks.score[3] = 0.2
    image = painted(tracks, 5, trail=5, dotsize=2)
    middles = START + STEP * np.arange(7) + STEP // 2
    assert image[ROW, middles].any(-1).tolist() == [True, True, False, False, True, False, False]


def test_only_points_above_the_cutoff_are_painted():
    assert painted(two_animals(0.51), 0).any()
    assert not painted(two_animals(0.5), 0).any()


@pytest.mark.parametrize("by", ["bodypart", "individual"])
def test_dots_have_the_colors_of_the_legend(by):
    tracks = two_animals()
    painter = PosePainter(tracks, pcutoff=0.5, color_by=by)
    image = painter(np.zeros((80, 200, 3), np.uint8), 0)
    expected = point_colors(tracks.layout, by=by).reshape(2, 2, 3)
    for animal in range(2):
        for part in range(2):
            x, y = tracks.xy[0, animal, part].astype(int)
            np.testing.assert_array_equal(image[y, x], expected[animal, part])
    names = {"bodypart": ["nose", "tail"], "individual": ["a", "b"]}[by]
    rows = {"bodypart": expected[0], "individual": expected[:, 0]}[by]
    assert painter.names == list(zip(names, rows.tolist(), strict=True))


def test_individuals_may_have_colors_of_their_own():
    image = painted(two_animals(), 0, color_by="individual", individual_colors=PAIR)
    np.testing.assert_array_equal(image[[20, 60], [20, 20]], PAIR)


def test_bones_join_the_bodyparts_of_one_animal():
    skeleton = [("nose", "tail"), ("nose", "unknown")]
    image = painted(two_animals(), 0, skeleton=skeleton, skeleton_color="red", dotsize=4)
    np.testing.assert_allclose(image[[20, 60], [30, 30]], [[255, 0, 0]] * 2, atol=30)  # thin lines are smoothed
    assert not image[30:50].any()  # nothing between the animals


@pytest.mark.parametrize(("boxes", "dots", "edges"), [("no", True, False), ("too", True, True), ("only", False, True)])
def test_boxes_around_each_animal(boxes, dots, edges):
    image = painted(two_animals(), 0, boxes=boxes, dotsize=4)
    assert image[60, 20].any() == dots
    assert image[58, 30].any() == edges  # a tenth of the longer side beyond the points


def test_the_frame_number_is_in_the_top_left_corner():
    white = np.full((200, 300, 3), 255, np.uint8)
    one, other = (with_frame_number(white.copy(), frame) for frame in (7, 8))
    changed = np.argwhere((one != white).any(-1))
    assert (changed.min(0) == 0).all()
    assert (changed.max(0) < (40, 120)).all()
    assert (one != other).any()


@pytest.mark.parametrize(("rows", "above", "expected"), [(25, 480, 26), (26, 480, 26), (25, 481, 25), (26, 481, 27)])
def test_a_strip_below_an_image_gives_an_even_height(rows, above, expected):
    strip = np.arange(rows, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 3), np.uint8)
    even = even_rows(strip, above)
    assert len(even) == expected
    np.testing.assert_array_equal(even[:rows], strip)
    assert (even[rows:] == rows - 1).all()
