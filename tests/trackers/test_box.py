from __future__ import annotations

import numpy as np
from golden_tracking import arrays

from dlcx.poses import Instances, Prediction
from dlcx.trackers.box import Box, box_corners, iou
from dlcx.trackers.detections import Detections
from dlcx.trackers.kalman import KalmanFilters
from dlcx.trackers.tracklets import build_tracklets


def test_boxes_equal_those_of_deeplabcut() -> None:
    gold = arrays()
    for margin in (0, 10):
        corners = np.concatenate(box_corners(gold["boxes.poses"][..., :2], margin), 1)
        np.testing.assert_allclose(corners, gold[f"boxes.slack{margin}"][:, :4])


def test_iou() -> None:
    boxes = np.array([[0.0, 0, 2, 2], [1, 1, 1, 1]])
    others = np.array([[0.0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]])
    np.testing.assert_allclose(iou(boxes, others), [[1, 1 / 3, 0], [0, 0, 0]])


def test_states_describe_the_box() -> None:
    xy = np.array([[[10.0, 20], [30, 60], [np.nan, np.nan]]])
    np.testing.assert_allclose(Box().measure(xy), [[20, 40, 800, 0.5]])
    np.testing.assert_allclose(Box(margin=5).measure(xy), [[20, 40, 30 * 50, 0.6]])
    same = Box().measure(xy)
    np.testing.assert_allclose(Box().similarity(same, same), [[1]])


def test_an_area_stops_shrinking_before_it_vanishes() -> None:
    filters = KalmanFilters(Box().noise)
    filters.add(np.array([[0.0, 0, 100, 1], [0, 0, 100, 1]]))
    filters.speed[:, 2] = [-100, -99]
    Box().constrain(filters)
    assert filters.speed[:, 2].tolist() == [0, -99]


def test_a_box_without_area_is_not_followed() -> None:
    one_point = Instances(np.array([[[5, 5], [np.nan, np.nan]]], np.float32), np.array([[0.9, 0]], np.float32))
    found = Detections.of([Prediction(one_point)] * 6, 2)
    assert all(len(tracklet.rows) == 1 for tracklet in build_tracklets(found, Box()))
    assert [len(tracklet.rows) for tracklet in build_tracklets(found, Box(margin=40))] == [6]
