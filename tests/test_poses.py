"""Shapes are checked when objects are created, and labels become poses."""

from __future__ import annotations

import numpy as np
import pytest

from dlcx.poses import Instances, Labels, Layout, Prediction, Tracks

LAYOUT = Layout(("nose", "tail"), ("a", "b", "c"), ("door",), multi=True)


def instances(animals: int = 3, parts: int = 2) -> Instances:
    return Instances(np.zeros((animals, parts, 2), np.float32), np.ones((animals, parts), np.float32))


@pytest.mark.parametrize(
    ("make", "names", "expected", "got"),
    [
        (lambda: Instances(np.zeros((3, 2)), np.zeros((3, 2))), "Instances.xy", "(any, any, 2)", "(3, 2)"),
        (lambda: Instances(np.zeros((3, 2, 2)), np.zeros((2, 2))), "Instances.score", "(3, 2)", "(2, 2)"),
        (
            lambda: Instances(np.zeros((3, 2, 2)), np.zeros((3, 2)), box=np.zeros((3, 2))),
            "Instances.box",
            "(3, 4)",
            "(3, 2)",
        ),
        (
            lambda: Tracks(LAYOUT, np.zeros((5, 2, 2, 2)), np.zeros((5, 2, 2))),
            "Tracks.xy",
            "(5, 3, 2, 2)",
            "(5, 2, 2, 2)",
        ),
        (
            lambda: Labels(LAYOUT, (("labeled-data", "v", "i.png"),), np.zeros((2, 3, 2, 2)), np.zeros((1, 1, 2))),
            "Labels.xy",
            "(1, 3, 2, 2)",
            "(2, 3, 2, 2)",
        ),
    ],
)
def test_errors_state_expected_and_actual_shapes(make, names, expected, got):
    with pytest.raises(ValueError) as caught:
        make()
    assert all(text in str(caught.value) for text in (names, expected, got))


def test_a_layout_refuses_repeated_or_no_names():
    with pytest.raises(ValueError, match="distinct"):
        Layout(("nose", "nose"))
    with pytest.raises(ValueError, match="at least one"):
        Layout(())


def test_at_most_one_set_of_unique_bodyparts():
    assert len(Prediction(instances(), instances(1, 1)).animals) == 3
    with pytest.raises(ValueError, match="at most one"):
        Prediction(instances(), instances(2, 1))


def test_an_image_without_animals_keeps_its_bodyparts():
    none = Instances.empty(4)
    assert (len(none), none.xy.shape, none.score.shape) == (0, (0, 4, 2), (0, 4))


def test_rows_of_absent_individuals():
    two = Instances(np.ones((2, 3, 2), np.float32), np.full((2, 3), -0.1, np.float32), track=np.array([4, 5]))
    assert two.is_present.all()  # scores of maps without a sigmoid may be negative
    three = two.reindexed(np.array([1, -1, 0]))
    assert three.is_present.tolist() == [True, False, True]
    assert three.track.tolist() == [5, -1, 4]
    assert np.isnan(three.xy[1]).all()
    assert three.score[1].tolist() == [-1] * 3
    assert three.with_absent_at_minus_one().xy[1].tolist() == [[-1, -1]] * 3
    assert three.present().track.tolist() == [5, 4]
    boxes = Instances.from_boxes(np.zeros((2, 4)), np.ones(2))
    assert boxes.present() is boxes


def test_labels_become_poses_with_score_one_where_labeled():
    xy = np.full((1, 3, 2, 2), np.nan)
    xy[0, 1, 0] = (4, 5)
    labels = Labels(LAYOUT, (("labeled-data", "v", "i.png"),), xy, np.array([[[7.0, 8.0]]]))
    pose = labels.pose(0)
    assert pose.animals.score.tolist() == [[0, 0], [1, 0], [0, 0]]
    assert pose.animals.xy[1, 0].tolist() == [4, 5]
    assert pose.unique is not None
    assert pose.unique.xy.tolist() == [[[7, 8]]]
    single = Labels(Layout(("nose",)), (), np.zeros((0, 1, 1, 2)), np.zeros((0, 0, 2)))
    assert len(single) == 0


def test_tracks_without_unique_bodyparts_need_not_give_them():
    tracks = Tracks(Layout(("nose",)), np.zeros((5, 1, 1, 2)), np.zeros((5, 1, 1)), first=100)
    assert (len(tracks), tracks.unique_xy.shape, tracks.unique_score.shape) == (5, (5, 0, 2), (5, 0))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_points_are_those_of_the_animals_and_then_the_unique_ones(rows):
    rng = np.random.default_rng(0)
    xy, score = rng.normal(size=(rows, 3, 2, 2)), rng.random((rows, 3, 2))
    unique_xy, unique_score = rng.normal(size=(rows, 1, 2)), rng.random((rows, 1))
    tracks = Tracks(LAYOUT, xy, score, unique_xy, unique_score)
    labels = Labels(LAYOUT, (("labeled-data", "v", "i.png"),) * rows, xy, unique_xy)
    assert tracks.points.shape == labels.points.shape == (rows, 7, 2)
    assert tracks.point_scores.shape == (rows, 7)
    for row in range(rows):
        wanted = [*(xy[row, a, k] for a in range(3) for k in range(2)), unique_xy[row, 0]]
        assert tracks.points[row].tolist() == labels.points[row].tolist() == np.stack(wanted).tolist()
        wanted_scores = [*(score[row, a, k] for a in range(3) for k in range(2)), unique_score[row, 0]]
        assert tracks.point_scores[row].tolist() == wanted_scores
