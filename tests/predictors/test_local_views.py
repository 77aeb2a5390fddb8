"""Regions and patches of an image."""

import numpy as np
import pytest

from dlcx.predictors.local_views import MIN_SIDE, region_around, search_patches

SIZE = (320, 240)  # width, height


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 80, 10, 10), (73, 53, 137, 117)),  # small ones grow on all sides
        ((100.5, 80.5, 70, 66), (88, 66, 184, 162)),
        ((0, 0, 10, 10), (0, 0, 64, 64)),  # not beyond the image
        ((310, 230, 10, 10), (256, 176, 320, 240)),
        ((5, 5, 310, 230), (0, 0, 320, 240)),
    ],
)
def test_regions_have_few_sizes(box, expected):
    assert region_around(np.array(box, float), SIZE) == expected


def test_a_region_of_a_small_image_is_the_image():
    assert region_around(np.array([3.0, 3.0, 5.0, 5.0]), (MIN_SIDE - 20, MIN_SIDE - 10)) == (
        0,
        0,
        MIN_SIDE - 20,
        MIN_SIDE - 10,
    )


def test_patches_cover_an_image():
    found = search_patches(SIZE)
    assert found.shape == (7, 4)
    assert found[0].tolist() == [0, 0, 320, 240]
    np.testing.assert_allclose(found[1], [0, 0, 140, 145])
    np.testing.assert_allclose(found[-1], [180, 95, 140, 145])
    covered = np.zeros(SIZE[::-1], int)
    for x, y, width, height in found[1:].astype(int):
        covered[y : y + height, x : x + width] += 1
    assert covered.min() >= 1
    assert (search_patches((30, 20)) >= 0).all()
