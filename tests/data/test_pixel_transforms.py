from __future__ import annotations

import numpy as np
import pytest

from dlcx.data import pixel_transforms
from dlcx.data.augment import generator

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


def test_the_variance_of_noise_is_uniform():
    gray = np.full((300, 300, 3), 128, np.uint8)
    spread = [pixel_transforms.add_noise(gray, 20.0, generator(0, epoch)).std() for epoch in range(60)]
    assert max(spread) < 20.5
    np.testing.assert_allclose(np.mean(np.square(spread)), 200.0, rtol=0.25)
    noisy = pixel_transforms.add_noise(gray, 20.0, generator(0, 1)).astype(float) - 128
    assert abs(noisy.mean()) < 0.1
    channels = np.corrcoef(noisy.reshape(-1, 3).T)
    assert np.abs(channels - np.eye(3)).max() < 0.02


def test_histograms_become_uniform():
    dark = (IMAGE // 4).astype(np.uint8)
    equalized = pixel_transforms.equalize_histogram(dark)
    assert dark.max() < 64
    np.testing.assert_allclose(equalized.mean((0, 1)), 128, atol=6)


@pytest.mark.parametrize("seed", range(8))
def test_motion_blur_is_centered_to_a_quarter_of_a_pixel(seed):
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    blurred = pixel_transforms.motion_blur(point, generator(0, seed))[..., 0].astype(float)
    y, x = np.mgrid[:41, :41]
    center = [(x * blurred).sum() / blurred.sum(), (y * blurred).sum() / blurred.sum()]
    np.testing.assert_allclose(center, 20, atol=0.25)
    assert 3 <= (blurred > 0).sum() <= 7


def test_ten_black_rectangles_cover_the_image():
    bright = np.full((200, 300, 3), 200, np.uint8)
    covered, holes = pixel_transforms.cover(bright, generator(0, 1))
    assert holes.shape == (10, 4)
    expected = bright.copy()
    for x1, y1, x2, y2 in holes:
        assert 1 <= x2 - x1 <= 16
        assert 1 <= y2 - y1 <= 11
        expected[y1:y2, x1:x2] = 0
    np.testing.assert_array_equal(covered, expected)


def test_points_follow_an_elastic_displacement():
    image = np.zeros((60, 80, 3), np.uint8)
    image[30:33, 40:43] = 255
    moved, displacement = pixel_transforms.elastic(image, generator(0, 3))
    y, x = np.mgrid[:60, :80]
    weight = moved[..., 0] / moved[..., 0].sum()
    found = pixel_transforms.displace_points(np.array([[41.0, 31.0]]), displacement)
    np.testing.assert_allclose(found[0], [(x * weight).sum(), (y * weight).sum()], atol=0.35)
    assert np.abs(displacement).max() > 0.5


def test_blending_with_gray_reduces_color_by_at_least_half():
    color = np.full((4, 4, 3), (200, 40, 40), np.uint8)
    for seed in range(20):
        red, green, _ = pixel_transforms.blend_with_gray(color, generator(0, seed))[0, 0].astype(int)
        assert 0 <= red - green <= 81
