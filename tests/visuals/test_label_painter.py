"""Pictures of human labels."""

import numpy as np
import pytest

from dlcx.poses import Instances, Layout, Prediction
from dlcx.visuals.colors import point_colors
from dlcx.visuals.label_painter import LabelPainter

LAYOUT = Layout(("nose", "tail"), ("a", "b"), ("lamp",), multi=True)
XY = np.array([[[200.0, 300.0], [400.0, 300.0]], [[200.0, 700.0], [np.nan, np.nan]]])
LABELS = Prediction(
    Instances(XY, np.isfinite(XY).all(-1).astype(float)), Instances(np.array([[[800.0, 100.0]]]), np.ones((1, 1)))
)
IMAGE = np.zeros((1000, 1000, 3), np.uint8)


def paint(ringed=(), **options) -> np.ndarray:
    return LabelPainter(LAYOUT, **options)(IMAGE, LABELS, ringed)


@pytest.mark.parametrize("by", ["bodypart", "individual"])
def test_labels_are_crosses_of_their_color(by):
    picture = paint(by=by)
    colors = point_colors(LAYOUT, by=by)
    for row, (x, y) in ((0, (200, 300)), (1, (400, 300)), (2, (200, 700)), (4, (800, 100))):
        np.testing.assert_array_equal(picture[y, x], colors[row])
    assert not picture[500:650].any()  # nothing where there is no label


def test_bones_join_labels_of_one_animal_only():
    picture = paint(skeleton=[("nose", "tail"), ("tail", "nothing")], skeleton_color="red")
    np.testing.assert_allclose(picture[300, 300], (255, 0, 0), atol=30)  # a thin line is smoothed
    assert not picture[340:660, 150:450].any()


def test_suspicious_labels_get_a_ring():
    radius = round(1.8 * 12)
    none, one, unique = (paint(ringed) for ringed in ((), {(0, "tail")}, {(None, "lamp")}))
    for picture, ringed in ((none, ()), (one, ((400, 300),)), (unique, ((800, 100),))):
        for x, y in ((200, 300), (400, 300), (200, 700), (800, 100)):
            corner = round(radius / 2**0.5)
            assert picture[y + corner, x + corner].all() == ((x, y) in ringed)


def test_opacity_blends_marks_with_the_image():
    full, half = paint(), paint(opacity=0.5)
    np.testing.assert_allclose(half[300, 200], full[300, 200] / 2, atol=1)


def test_the_legend_names_what_has_a_color():
    assert paint(by="individual").shape[1] == 1000
    assert len(paint()) > 1000
    assert (paint(by="individual")[1000:] != paint(by="bodypart")[1000:]).any()
