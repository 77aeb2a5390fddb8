"""Pictures of network outputs show maxima, offsets and fields where they are."""

import numpy as np
import pytest

from dlcx.predictors.maps import HeadMaps
from dlcx.visuals.map_pictures import paint_center_offsets, paint_fields, paint_offsets, paint_scores

IMAGE = np.full((64, 80, 3), 100, np.uint8)
CAPTION, BORDER, SCALE = 24, 6, 4  # a tile of 320 pixels shows 80
ARROW = np.array([80, 220, 255])
NAMES = ("nose", "tail")


def maps(**more) -> HeadMaps:
    scores = np.zeros((2, 8, 10), np.float32)
    scores[0, 2, 7], scores[1, 5, 1] = 1.0, 0.5
    return HeadMaps(**{"scores": scores, "stride": (8.0, 8.0), **more})


def colored(picture: np.ndarray, number: int = 0) -> np.ndarray:
    """Where (x, y in pixels of the image) a tile has the color of crosses and arrows."""
    y = 2 * CAPTION
    x = BORDER + number * (80 * SCALE + BORDER)
    tile = picture[y : y + 64 * SCALE, x : x + 80 * SCALE]
    return np.argwhere((np.abs(tile.astype(int) - ARROW) < 30).all(-1))[:, ::-1] / SCALE


def test_a_cross_marks_the_maximum_of_each_map():
    picture = paint_scores(IMAGE, maps(), NAMES, [0, 1])
    one, other = (colored(picture, number).mean(0) for number in (0, 1))
    np.testing.assert_allclose(one, (60, 20), atol=1)
    np.testing.assert_allclose(other, (12, 44), atol=1)


def test_only_chosen_keypoints_get_a_tile():
    one, two = (paint_scores(IMAGE, maps(), NAMES, chosen) for chosen in ([1], [0, 1]))
    np.testing.assert_allclose(colored(one).mean(0), (12, 44), atol=1)
    assert one.size < two.size


def test_offsets_point_from_cells_to_the_keypoint():
    offsets = np.zeros((2, 8, 10, 2), np.float32)
    offsets[0, 2, 7] = (-8, 0)
    picture = paint_offsets(IMAGE, maps(keypoint_offsets=offsets), NAMES, [0])
    still = paint_offsets(IMAGE, maps(keypoint_offsets=np.zeros_like(offsets)), NAMES, [0])
    assert len(colored(picture)) > len(colored(still))


def test_center_offsets_point_from_centers_to_the_keypoint():
    scores = np.zeros((3, 8, 10), np.float32)
    scores[2, 4, 5] = 1.0
    offsets = np.zeros((2, 8, 10, 2), np.float32)
    offsets[0, 4, 5], offsets[1, 4, 5] = (24, 0), (0, -24)
    picture = paint_center_offsets(IMAGE, maps(scores=scores, center_offsets=offsets), NAMES, [0, 1])
    right, up = colored(picture, 0), colored(picture, 1)
    assert right.max(0)[0] == pytest.approx(68, abs=2)
    assert up.min(0)[1] == pytest.approx(12, abs=2)


def test_fields_have_arrows_only_where_they_are_strong():
    fields = np.zeros((1, 8, 10, 2), np.float32)
    fields[0, :4, :, 0] = 1.0
    picture = paint_fields(IMAGE, maps(fields=fields, edges=((0, 1),)), NAMES, [0])
    found = colored(picture)
    assert len(found)
    assert found[:, 1].max() < 40
