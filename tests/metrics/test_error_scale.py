"""The lengths that errors are compared with."""

import numpy as np
import pytest

from dlcx.metrics.error_scale import ErrorScale, error_scale
from dlcx.poses import Instances, Prediction


def image(*animals, unique=None):
    xy = np.array(animals, float).reshape(len(animals), -1, 2)
    score = np.isfinite(xy).all(-1).astype(np.float32)
    own = None if unique is None else Instances(np.array([unique], float), np.ones((1, len(unique)), np.float32))
    return Prediction(Instances(xy, score), unique=own)


def test_the_size_is_the_median_diagonal_and_the_guess_lies_at_the_center():
    square = [(0, 0), (30, 0), (30, 40), (0, 40)]  # diagonal 50, every corner 25 from the center
    large = [(100, 100), (400, 100), (400, 500), (100, 500)]  # diagonal 500, 250
    hidden = [(0, 0), (6, 8), (np.nan, np.nan), (np.nan, np.nan)]  # diagonal 10, 5
    found = error_scale([image(square, large), image(hidden)])
    assert found.images == 2
    assert found.animal_size == pytest.approx(50)
    assert found.guess_error == pytest.approx((4 * 25 + 4 * 250 + 2 * 5) / 10)


def test_animals_of_one_bodypart_have_no_size_but_a_mean_position():
    found = error_scale([image([(0, 0)]), image([(8, 6)])])
    assert np.isnan(found.animal_size)
    assert found.guess_error == pytest.approx(5)
    assert "guessing the same position in every image (5.0 px)" in found.not_learned(5.0)
    assert found.describe(2.5) == "2.50 px"


def test_images_without_labels_measure_nothing():
    nobody = image([(np.nan, np.nan)] * 2)
    assert error_scale([nobody, nobody]).images == 0
    assert error_scale([nobody, nobody]).warning().startswith("no test image has labels")
    assert error_scale([image([(1, 1), (2, 2)])] * 4).warning().startswith("only 4 test images")
    assert error_scale([image([(1, 1), (2, 2)])] * 5).warning() == ""
    assert error_scale([image([(np.nan, np.nan)] * 2, unique=[(3, 3)])]).images == 1


def test_errors_are_compared_with_the_size_and_the_trivial_prediction():
    lengths = ErrorScale(images=9, animal_size=80, guess_error=25)
    assert lengths.describe(4) == "4.00 px (5.0 % of the animals' size)"
    assert lengths.not_learned(24.9) == ""
    assert "315.0 px is no better than placing every bodypart at the center" in lengths.not_learned(315)
    assert lengths.not_learned(np.nan) == ""
    assert ErrorScale().not_learned(315) == ""
    assert lengths.verdict(np.nan) == "it finds no keypoint in the test images"
    assert lengths.verdict(24.9) == ""
    assert lengths.verdict(315) == lengths.not_learned(315)
    assert ErrorScale().verdict(np.nan) == ""


def test_labels_that_all_lie_on_one_point_have_no_size():
    points = np.full((1, 3, 2), 7.0, np.float32)
    found = error_scale([Prediction(Instances(points, np.ones((1, 3), np.float32)))] * 6)
    assert found.animal_size == 0
    assert np.isnan(found.share(2.0))
    assert found.describe(2.0) == "2.00 px"
    assert found.not_learned(2.0) == ""
