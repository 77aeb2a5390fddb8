import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.poses import Instances, Layout, Prediction
from dlcx.visuals.colors import part_colors
from dlcx.visuals.labeled_images import LabeledImagePainter


def pose(*points: tuple[float, float], score: float = 1.0) -> Prediction:
    return Prediction(Instances(np.array([points], float), np.full((1, len(points)), score)))


def painted(picture: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Center x, y of all pixels that are nearly of a color."""
    rows, columns = np.nonzero(np.abs(picture - color.astype(float)).max(-1) < 60)
    return np.array([columns.mean(), rows.mean()])


@pytest.fixture
def painter():
    return LabeledImagePainter(Layout(("nose", "tail")), pcutoff=0.6)


IMAGE = np.full((400, 1000, 3), 90, np.uint8)
NOTHING = pose((np.nan, np.nan), (np.nan, np.nan))


def test_marks_are_where_the_points_are(painter):
    nose, tail = part_colors(2)
    for label, found in ((pose((100, 200), (700, 50)), NOTHING), (NOTHING, pose((100, 200), (700, 50)))):
        picture = painter(IMAGE, label, found)[:400]
        np.testing.assert_allclose(painted(picture, nose), [100, 200], atol=0.6)
        np.testing.assert_allclose(painted(picture, tail), [700, 50], atol=0.6)


def test_unsure_points_are_crosses_not_dots(painter):
    nose = part_colors(2)[0]
    sure = painter(IMAGE, NOTHING, pose((100, 200), (np.nan, np.nan), score=0.6))[:400]
    unsure = painter(IMAGE, NOTHING, pose((100, 200), (np.nan, np.nan), score=0.59))[:400]
    assert (sure == nose).all(-1).sum() > (unsure == nose).all(-1).sum() > 0


def test_marks_let_the_image_through():
    found = pose((100, 200), (np.nan, np.nan))
    opaque, half = (
        LabeledImagePainter(Layout(("nose", "tail")), pcutoff=0.6, opacity=opacity)(IMAGE, NOTHING, found)
        for opacity in (1.0, 0.5)
    )
    np.testing.assert_allclose(half[200, 100], (opaque[200, 100] + 90.0) / 2, atol=1)
    np.testing.assert_array_equal(half[300, 500], [90, 90, 90])
    np.testing.assert_array_equal(half[400:], opaque[400:])  # the legend


def test_marks_grow_with_the_picture_and_a_label_looks_otherwise():
    """A small dotsize of config.yaml is meant for small images, which are enlarged."""
    small = LabeledImagePainter(Layout(("nose",)), pcutoff=0.6, dotsize=3)
    nothing, nose = pose((np.nan, np.nan)), pose((100, 200))

    def marked(side: int, label: Prediction, found: Prediction) -> np.ndarray:
        return small(np.full((400, side, 3), 90, np.uint8), label, found)[:400]

    dots = [(marked(side, nothing, nose) != 90).any(-1).sum() for side in (1000, 2000)]
    assert dots[0] > 120
    assert dots[1] > 3 * dots[0]
    white = [(marked(1000, *poses) > 150).all(-1).sum() for poses in ((nose, nothing), (nothing, nose))]
    assert white[0] > 20
    assert white[1] == 0


def test_small_images_are_enlarged_with_their_marks(painter):
    picture = painter(np.full((50, 100, 3), 90, np.uint8), pose((10, 20), (90, 10)), NOTHING)
    assert picture.shape[1] == 1000
    np.testing.assert_allclose(painted(picture[:500], part_colors(2)[0]), [10.5 * 10 - 0.5, 20.5 * 10 - 0.5], atol=0.6)


def test_nothing_seen_leaves_the_image_alone(painter):
    assert (painter(IMAGE, NOTHING, Prediction(Instances.empty(2)))[:400] == 90).all()


def test_points_outside_and_unique_bodyparts():
    painter = LabeledImagePainter(Layout(("nose",), ("a", "b"), ("lamp",), multi=True), pcutoff=0.6)
    lamp = Instances(np.array([[[400.0, 300]]]), np.ones((1, 1)))
    two = Instances(np.array([[[100.0, 100]], [[-5000.0, 1e5]]]), np.ones((2, 1)))
    picture = painter(IMAGE, NOTHING_OF_ONE, Prediction(two, lamp))[:400]
    np.testing.assert_allclose(painted(picture, part_colors(2)[1]), [400, 300], atol=0.6)


NOTHING_OF_ONE = Prediction(Instances.empty(1), Instances.empty(1))


def test_the_legend_names_all_bodyparts_within_the_width():
    narrow = LabeledImagePainter(Layout(tuple(f"bodypart_{i}" for i in range(40))), pcutoff=0.6)
    label = Prediction(Instances.empty(40))
    picture = narrow(IMAGE, label, label)
    assert len(picture) > 400 + 4 * 26
    assert (picture[400:, -5:] == 30).all()


def test_a_page_with_a_legend_of_its_own_needs_none_in_the_picture():
    layout, label = Layout(("nose", "tail")), pose((100, 200), (700, 50))
    with_legend = LabeledImagePainter(layout, pcutoff=0.6)(IMAGE, label, label)
    without = LabeledImagePainter(layout, pcutoff=0.6, named=False)(IMAGE, label, label)
    assert without.shape == IMAGE.shape
    np.testing.assert_array_equal(with_legend[:400], without)


def test_colors():
    colors = part_colors(5, "viridis")
    assert colors.shape == (5, 3)
    assert colors.dtype == np.uint8
    assert len({tuple(color) for color in colors.tolist()}) == 5
    assert part_colors(0).shape == (0, 3)
    with pytest.raises(DlcxError, match="ranbow") as caught:
        part_colors(3, "ranbow")
    assert "rainbow" in caught.value.hint
