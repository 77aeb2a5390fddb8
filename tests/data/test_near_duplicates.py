from __future__ import annotations

import cv2
import numpy as np
import pytest

from dlcx.data.near_duplicates import find_near_duplicates, thumbnail


def scene(place: int, noise: int) -> np.ndarray:
    """A dark animal at one of many places of a noisy arena."""
    image = np.full((120, 160, 3), 180, np.uint8)
    cv2.circle(image, (15 + place % 140, 20 + place * 7 % 90), 12, (40, 40, 40), -1)
    return np.clip(image + np.random.default_rng(noise).normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def test_the_same_moment_is_found_and_other_moments_are_not():
    train = [scene(place, place) for place in range(0, 120, 20)]
    test = [scene(20, 1000), scene(41, 1001), scene(70, 1002), scene(110, 1003)]
    small = np.stack([thumbnail(image) for image in train + test])
    videos = ["v"] * len(small)
    rows = range(len(train)), range(len(train), len(small))
    twins = find_near_duplicates(small, videos, *rows)
    assert [(twin.test - len(train), twin.train) for twin in twins] == [(0, 1)]
    assert 0 < twins[0].difference < 0.25
    assert find_near_duplicates(small, videos, [], rows[1]) == find_near_duplicates(small, videos, rows[0], []) == ()


def test_the_typical_difference_is_that_of_the_video():
    """Images of another video differ much more, which does not make two moments of one video near-duplicates."""
    bright = [255 - scene(place, place) for place in range(0, 120, 20)]
    train = [scene(place, place) for place in range(0, 120, 20)]
    test = [scene(70, 1002), 255 - scene(60, 1003)]
    small = np.stack([thumbnail(image) for image in [*train, *bright, *test]])
    videos = ["v"] * 6 + ["w"] * 6 + ["v", "w"]
    assert [(twin.test, twin.train) for twin in find_near_duplicates(small, videos, range(12), [12, 13])] == [(13, 9)]


def test_the_only_image_of_a_video_has_no_near_duplicate():
    small = np.stack([thumbnail(scene(place, place)) for place in (0, 20, 40, 70)])
    assert find_near_duplicates(small, ["v", "v", "v", "w"], [0, 1, 2], [3]) == ()


@pytest.mark.parametrize("size", [(20, 30), (400, 300)])
def test_any_size(size: tuple[int, int]):
    assert thumbnail(np.zeros((*size, 3), np.uint8)).shape == (48 * 48,)
