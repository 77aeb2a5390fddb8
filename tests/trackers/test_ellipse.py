from __future__ import annotations

import numpy as np
import pytest
from golden_tracking import arrays

from dlcx.trackers.ellipse import Ellipse, ellipse_similarity, fit_ellipses


def test_ellipses_equal_those_of_deeplabcut() -> None:
    gold = arrays()
    points = np.stack([gold[f"ellipse.{number}.points"] for number in range(12)])
    np.testing.assert_allclose(fit_ellipses(points), gold["ellipse.parameters"], atol=1e-9)
    fitted = gold["ellipse.parameters"]
    np.testing.assert_allclose(ellipse_similarity(fitted, fitted), gold["ellipse.similarity"], atol=1e-12)


def test_two_keypoints_have_no_ellipse() -> None:
    xy = np.array([[[0.0, 0], [4, 0], [np.nan, np.nan]], [[0, 0], [4, 0], [2, 0]]])
    ellipses = Ellipse().measure(xy)
    assert np.isnan(ellipses[0]).all()
    assert ellipses[1] == pytest.approx([2, 0, 8, 0, 0])  # four standard deviations of 2 px along x


def test_similarity_decreases_with_distance_and_rotation() -> None:
    one = np.array([[0.0, 0, 10, 4, 0]])
    others = np.array([[0.0, 0, 10, 4, 0], [5, 0, 10, 4, 0], [0, 0, 10, 4, np.pi / 2], [50, 0, 10, 4, 0]])
    np.testing.assert_allclose(ellipse_similarity(one, others), [[1, 0.5, 0.8, 0]], atol=1e-12)
    points = np.zeros((2, 5))
    assert ellipse_similarity(points, points).tolist() == [[0, 0]] * 2
