"""Colors of bodyparts and individuals."""

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.poses import Layout
from dlcx.visuals.colors import contrasting, named_color, part_colors, point_colors

LAYOUT = Layout(("nose", "tail"), ("a", "b", "c"), ("lamp",), multi=True)


def test_colors_span_the_colormap():
    colors = part_colors(3, "gray")
    assert colors.dtype == np.uint8
    assert colors.tolist() == [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    assert part_colors(0).shape == (0, 3)
    assert part_colors(1, "gray").tolist() == [[0, 0, 0]]


def test_unknown_colormaps_and_colors_get_a_suggestion():
    with pytest.raises(DlcxError, match="no 'rainbo'") as caught:
        part_colors(2, "rainbo")
    assert "rainbow" in caught.value.hint
    with pytest.raises(DlcxError, match="no 'redd'") as caught:
        named_color("redd")
    assert "red" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "rgb"), [("white", (255, 255, 255)), ("#ff8000", (255, 128, 0)), ("0.5", (128, 128, 128))]
)
def test_named_colors(name, rgb):
    assert named_color(name) == rgb


@pytest.mark.parametrize(
    ("color", "expected"), [((255, 255, 0), 0), ((0, 0, 255), 255), ((130, 130, 130), 0), ((126, 126, 126), 255)]
)
def test_contrast_follows_the_perceived_brightness(color, expected):
    assert contrasting(color) == (expected,) * 3


def test_points_are_colored_by_bodypart_or_by_individual():
    by_part, by_animal = (point_colors(LAYOUT, by=by) for by in ("bodypart", "individual"))
    shades = part_colors(3)
    np.testing.assert_array_equal(by_part, np.concatenate([np.tile(shades[:2], (3, 1)), shades[2:]]))
    np.testing.assert_array_equal(by_animal, np.repeat(part_colors(4), [2, 2, 2, 1], axis=0))
