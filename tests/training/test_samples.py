"""AnimalCrops around animals: their labels stay on the pixels that they mark, whatever happened to image and box."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.data.augment import Augmentation, RandomAffine, RandomFlip, generator
from dlcx.data.box_jitter import BoxJitter
from dlcx.data.crops import Cropping
from dlcx.data.labeled_images import LabeledImages
from dlcx.poses import Instances, Prediction
from dlcx.training.samples import AnimalCrops

COLORS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
#: Two animals of three dots each, far apart, and one that is not labeled.
ANIMALS = np.array([[[40, 40], [70, 40], [55, 65]], [[130, 90], [160, 92], [140, 60]], [[np.nan] * 2] * 3], float)


@pytest.fixture
def images(tmp_path: Path) -> LabeledImages:
    pixels = np.zeros((130, 200, 3), np.uint8)
    for animal in ANIMALS[:2]:
        for point, color in zip(animal.astype(int).tolist(), COLORS.tolist(), strict=True):
            cv2.circle(pixels, point, 4, color, -1)
    cv2.imwrite(str(tmp_path / "0.png"), pixels[..., ::-1])
    score = np.isfinite(ANIMALS).all(-1).astype(np.float32)
    return LabeledImages([tmp_path / "0.png"], [Prediction(Instances(ANIMALS, score))])


def centroid(image: np.ndarray, channel: int, near: np.ndarray) -> np.ndarray:
    """Center of what has one color within 12 pixels of a point."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    weight = image[..., channel] * (np.hypot(x - near[0], y - near[1]) < 12.0)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / max(weight.sum(), 1)


@pytest.mark.parametrize("cropping", [Cropping((64, 64)), Cropping((96, 64), 5), Cropping((64, 64), context=False)])
@pytest.mark.parametrize("jitter", [None, BoxJitter(0.16, 0.3)])
def test_labels_follow_their_animal_into_the_crop(images, cropping, jitter):
    augmentation = Augmentation(RandomFlip(0.5), RandomAffine(0.5, (0.8, 1.2), 30, 5))
    crops = AnimalCrops(images, augmentation, cropping, margin=10, jitter=jitter)
    assert len(crops) == 2
    seen = 0
    for epoch in range(10):
        for index in range(2):
            sample = crops.sample(index, generator(1, epoch, index))
            assert sample.image.shape == (cropping.size[1], cropping.size[0], 3)
            assert sample.ids.tolist() == [index]
            for part, (x, y, flag) in enumerate(sample.keypoints[0]):
                if flag and 6 < x < cropping.size[0] - 6 and 6 < y < cropping.size[1] - 6:
                    np.testing.assert_allclose(centroid(sample.image, part, np.array([x, y])), [x, y], atol=1.0)
                    seen += 1
    assert seen > 40


def test_equal_generators_give_equal_crops(images):
    crops = AnimalCrops(images, Augmentation(affine=RandomAffine(1.0, (1.0, 1.0), 30)), Cropping((64, 64)), margin=10)
    one, same, other = (crops.sample(0, generator(1, epoch, 0)) for epoch in (1, 1, 2))
    np.testing.assert_array_equal(one.image, same.image)
    np.testing.assert_array_equal(one.keypoints, same.keypoints)
    assert (one.image != other.image).any()


def test_an_animal_that_left_the_image_gives_a_crop_without_labels(images):
    far = Augmentation(affine=RandomAffine(1.0, (30.0, 30.0)))
    sample = AnimalCrops(images, far, Cropping((32, 32)), margin=2).sample(0, generator(0, 1, 0))
    assert sample.image.shape == (32, 32, 3)
    assert not sample.keypoints.any()
