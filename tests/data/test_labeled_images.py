from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.data.labeled_images import InputResize, LabeledImage, LabeledImages, labeled_boxes
from dlcx.errors import DlcxError
from dlcx.poses import Instances, Prediction


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    cv2.imwrite(str(path), image[..., ::-1])
    return path


def poses(*points: tuple[float, float]) -> Prediction:
    xy = np.array([points], float)
    return Prediction(Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)))


def test_labels_outside_the_image_do_not_count(tmp_path, image):
    path = write(tmp_path / "a.png", image)
    images = LabeledImages([path], [poses((5, 6), (64, 10), (0, 10), (np.nan, np.nan), (63.9, 47.9))])
    np.testing.assert_array_equal(images[0].pose.animals.score, [[1, 0, 0, 0, 1]])
    np.testing.assert_array_equal(images[0].image, image)


def test_missing_images_are_counted_and_the_first_is_named(tmp_path, image):
    paths = [write(tmp_path / "a.png", image), tmp_path / "b.png", tmp_path / "c.png"]
    with pytest.raises(DlcxError, match=r"2 of 3 labeled images are missing, the first is .*b\.png"):
        LabeledImages(paths, [poses((1, 1))] * 3)


@pytest.mark.parametrize(
    ("resize", "shape", "point"),
    [
        (InputResize(32, 32), (32, 32), (10, 8)),
        (InputResize(32, 32, keep_ratio=False), (32, 32), (10, 32 / 3)),
        (InputResize(longest=128), (96, 128), (40, 32)),
        (InputResize(32, 32, longest=16), (16, 16), (5, 4)),
    ],
)
def test_labels_are_resized_with_their_image(tmp_path, image, resize, shape, point):
    images = LabeledImages([write(tmp_path / "a.png", image)], [poses((20, 16))], resize=resize)
    assert images[0].image.shape == (*shape, 3)
    np.testing.assert_allclose(images[0].pose.animals.xy[0, 0], point)


def test_a_kept_ratio_is_padded_at_the_bottom(tmp_path, image):
    resized = InputResize(32, 32).image(image)
    np.testing.assert_array_equal(resized[:24], cv2.resize(image, (32, 24), interpolation=cv2.INTER_LINEAR))
    assert not resized[24:].any()


def test_paths_and_poses_must_match(tmp_path, image):
    with pytest.raises(ValueError, match="got 1 images, 2 poses"):
        LabeledImages([write(tmp_path / "a.png", image)], [poses((1, 1))] * 2)


def test_boxes_surround_the_labels_of_labeled_animals():
    xy = np.array([[[10.0, 20], [30, 24]], [[np.nan, np.nan]] * 2])
    labels = Prediction(Instances(xy, np.isfinite(xy).all(-1).astype(np.float32)))
    boxes = labeled_boxes(LabeledImage(np.zeros((48, 64, 3), np.uint8), labels, Path("a.png")), 5)
    np.testing.assert_array_equal(boxes.box, [[5, 15, 30, 14]])
    assert boxes.box_score.tolist() == [1]
    assert boxes.xy.shape == (1, 0, 2)
