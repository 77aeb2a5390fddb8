"""Crops around animals against those that DeepLabCut 3.0.2 cut."""

import json

import numpy as np
import pytest

from dlcx.data.crops import Cropping, boxes_around


@pytest.fixture(scope="module")
def cases(golden):
    return json.loads((golden / "train" / "crops.json").read_text())


@pytest.fixture(scope="module")
def pixels(golden):
    return np.load(golden / "train" / "crops.npz")


def test_windows_and_pixels(cases, pixels):
    image = pixels["image"]
    for case in cases["crops"]:
        if case.get("error"):
            continue
        cropping = Cropping(tuple(case["size_wh"]), case["margin"], case["with_context"])
        window = cropping.window(np.array(case["bbox_xywh"]), image.shape[1::-1])
        assert list(window.offset) == case["offset"], case
        assert window.scale == pytest.approx(case["scale"], rel=1e-12), case
        np.testing.assert_array_equal(window.cut(image), pixels[case["name"]], err_msg=str(case))
    assert len(cases["crops"]) > 60


def test_a_box_that_rounds_to_nothing_is_a_pixel():
    for context in (True, False):
        window = Cropping((64, 64), context=context).window(np.array([100.2, 100.7, 0.6, 0.6]), (201, 150))
        assert window.cut(np.full((150, 201, 3), 7, np.uint8)).max() == 7


def test_a_box_outside_of_the_image_is_black():
    window = Cropping((32, 16)).window(np.array([300.0, 10.0, 20.0, 20.0]), (201, 150))
    crop = window.cut(np.full((150, 201, 3), 7, np.uint8))
    assert crop.shape == (16, 32, 3)
    assert not crop.any()


def test_boxes_around_keypoints(cases):
    for case in cases["boxes"]:
        keypoints = np.array(case["keypoints"], float)
        xy = np.where(keypoints[:, 2:] > 0, keypoints[:, :2], np.nan)[None]
        box = boxes_around(xy, (case["image_w"], case["image_h"]), case["margin"])[0]
        assert box.tolist() == pytest.approx(case["bbox_xywh"]), case
