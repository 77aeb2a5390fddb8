from __future__ import annotations

import numpy as np
import pytest

from dlcx.data.warp import Warp, is_inside


def centroid(image: np.ndarray, channel: int) -> np.ndarray:
    weight = image[..., channel].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_one_matrix_moves_pixels_and_points_to_a_tenth_of_a_pixel():
    image = np.zeros((100, 120, 3), np.float32)
    y, x = np.mgrid[:100, :120]
    for channel, (cx, cy) in enumerate([(40.3, 50.8), (70.0, 40.0), (60.5, 62.25)]):
        image[..., channel] = 255 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18.0)
    warp = Warp.identity(120, 100).mirrored().rotated(23, 1.2, (3.0, -2.0)).shifted(-5, 4, (110, 105))
    moved = warp.points(np.array([(40.3, 50.8), (70.0, 40.0), (60.5, 62.25)]))
    found = [centroid(warp.image(image), channel) for channel in range(3)]
    np.testing.assert_allclose(found, moved, atol=0.1)
    assert warp.image(image).shape == (105, 110, 3)
    assert warp.area == pytest.approx(1.44)


def test_integer_shifts_keep_pixels():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    assert Warp.identity(30, 20).image(image) is image
    shifted = Warp.identity(30, 20).shifted(3, -2, (30, 20)).image(image)
    np.testing.assert_array_equal(shifted[:18, 3:], image[2:, :27])
    assert not shifted[:, :3].any()


def test_mirroring_twice_is_the_identity():
    warp = Warp.identity(31, 20).mirrored()
    np.testing.assert_allclose(warp.points(np.array([[0.0, 5], [30, 7]])), [[30, 5], [0, 7]])
    np.testing.assert_allclose(warp.mirrored().matrix, np.eye(2, 3))


def test_rotation_is_about_the_center_and_before_the_shift():
    warp = Warp.identity(11, 11).rotated(90, 2.0, (1.0, 0.0))
    np.testing.assert_allclose(warp.points(np.array([[5.0, 5], [7, 5]])), [[6, 5], [6, 9]], atol=1e-12)


def test_boxes_surround_their_rotated_corners_and_are_clipped():
    warp = Warp.identity(101, 101).rotated(45, 1.0, (0.0, 0.0))
    half = 10 * np.sqrt(2)
    box = warp.boxes(np.array([[40.0, 40, 20, 20]]))[0]
    np.testing.assert_allclose(box, [50 - half, 50 - half, 2 * half, 2 * half])
    np.testing.assert_allclose(Warp.identity(50, 50).boxes(np.array([[40.0, 40, 20, 20]])), [[40, 40, 10, 10]])


def test_the_border_is_inside():
    points = np.array([[0.0, 0], [10, 8], [10.1, 3], [3, -0.1], [np.nan, 3]])
    assert is_inside(points, (10, 8)).tolist() == [True, True, False, False, False]
