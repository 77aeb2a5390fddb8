"""Keypoints land on the pixels they mark, whatever happens to the image."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from dlcx.data.augment import Augmentation, Pad, RandomAffine, RandomCrop, RandomFlip, generator
from dlcx.data.build_transforms import build_augmentation
from dlcx.data.labeled_images import LabeledImage
from dlcx.data.warp import Warp
from dlcx.poses import Instances, Prediction
from dlcx.settings.transforms import Transforms

COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def dots(rng: np.random.Generator, width: int = 120, height: int = 90, radius: int = 5) -> LabeledImage:
    """A black image with a dot of its own color at each keypoint, far from each other."""
    cells = rng.permutation(4)[:3]
    xy = np.stack([20 + 60 * (cells % 2), 20 + 45 * (cells // 2)], -1) + rng.integers(0, 15, (3, 2))
    image = np.zeros((height, width, 3), np.uint8)
    for point, color in zip(xy.tolist(), COLORS, strict=True):
        cv2.circle(image, point, radius, color, -1)
    return labeled(image, xy[None])


def labeled(image: np.ndarray, xy: np.ndarray) -> LabeledImage:
    score = np.isfinite(xy).all(-1).astype(np.float32)
    return LabeledImage(image, Prediction(Instances(xy.astype(float), score)), Path("x.png"))


def centroid(image: np.ndarray, channel: int) -> np.ndarray:
    weight = image[..., channel].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def sampled(augmentation: Augmentation, epoch: int) -> tuple[LabeledImage, float]:
    return augmentation.apply(dots(np.random.default_rng(epoch)), generator(0, epoch, 0))


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(affine=RandomAffine(1.0, (0.5, 1.25), 30, 5)),
        Augmentation(crop=RandomCrop(64, 64, 0.1, "hybrid")),
        Augmentation(crop=RandomCrop(200, 64, 0.1, "keypoints")),
        Augmentation(flip=RandomFlip(1.0)),
        Augmentation(pad=Pad(divisors=(32, 32))),
        Augmentation(
            RandomFlip(0.5), RandomAffine(0.5, (0.7, 1.25), 180, 0), RandomCrop(80, 100, 0.4, "density"), elastic=True
        ),
        Augmentation(motion_blur=True, grayscale=False, crop=RandomCrop(64, 64, 0.1, "uniform")),
    ],
)
def test_keypoints_stay_in_the_middle_of_their_dots(augmentation):
    checked = 0
    for epoch in range(25):
        changed, _ = sampled(augmentation, epoch)
        height, width = changed.image.shape[:2]
        for channel, point in enumerate(changed.pose.animals.xy[0]):
            whole = ((point > 8) & (point < np.array([width, height]) - 9)).all()  # nan is never whole
            if whole:
                window = np.zeros((height, width, 1))
                cv2.circle(window, np.round(point).astype(int).tolist(), 8, 1.0, -1)
                off = np.linalg.norm(centroid(changed.image * window, channel) - point)
                assert off < (0.6 if augmentation.elastic else 0.35)
                checked += 1
    assert checked > 10


def test_a_flip_exchanges_the_paired_keypoints():
    source = dots(np.random.default_rng(3))
    before = source.pose.animals.xy[0]
    changed, _ = Augmentation(flip=RandomFlip(1.0, ((0, 2),))).apply(source, generator(0, 1, 0))
    after = changed.pose.animals.xy[0]
    np.testing.assert_array_equal(after[0], (119 - before[2][0], before[2][1]))
    np.testing.assert_array_equal(after[1], (119 - before[1][0], before[1][1]))
    np.testing.assert_array_equal(changed.image, source.image[:, ::-1])


def test_smaller_images_are_padded_equally_on_both_sides():
    source = dots(np.random.default_rng(3))
    changed, _ = Augmentation(crop=RandomCrop(140, 100, 0.1, "uniform")).apply(source, generator(0, 1, 0))
    np.testing.assert_array_equal(changed.image[5:95, 10:130], source.image)
    np.testing.assert_array_equal(changed.pose.animals.xy, source.pose.animals.xy + np.array([10, 5]))
    assert changed.image.sum() == source.image.sum()


def test_crops_around_keypoints_hold_one_and_prefer_crowds():
    xy = np.array([[10.0, 10], [85, 80], [86, 81], [87, 80], [85, 82]])
    warp = Warp.identity(100, 100)
    crop = RandomCrop(20, 20, 0.0, "density")
    held = []
    for epoch in range(300):
        placed = crop.sample(warp, xy, generator(0, epoch)).points(xy)
        inside = ((placed >= 0) & (placed <= 20)).all(1)
        assert inside.any()
        held.append(inside[1:].any())
    assert 0.9 < np.mean(held) < 1.0  # 16 of 17 by weight, 4 of 5 if all counted alike


def test_points_that_leave_the_image_are_unseen_and_unseen_ones_stay_so():
    source = labeled(np.zeros((90, 120, 3), np.uint8), np.array([[[110.0, 80], [np.nan, np.nan], [60, 45]]]))
    changed, _ = Augmentation(affine=RandomAffine(1.0, (2.0, 2.0), 0, 0)).apply(source, generator(0, 1, 0))
    np.testing.assert_array_equal(changed.pose.animals.score, [[0, 0, 1]])
    np.testing.assert_array_equal(np.isnan(changed.pose.animals.xy[0]).all(-1), [True, True, False])


def test_unique_bodyparts_go_along():
    source = dots(np.random.default_rng(0))
    unique = Prediction(source.pose.animals, unique=source.pose.animals)
    augmentation = Augmentation(RandomFlip(1.0, ((0, 1),)), RandomAffine(1.0, (0.8, 1.2), 20, 3))
    changed, _ = augmentation.apply(LabeledImage(source.image, unique, source.path), generator(0, 4, 0))
    animals, single = changed.pose.animals, changed.pose.unique
    np.testing.assert_allclose(single.xy[0], animals.xy[0][[1, 0, 2]])


def test_covered_keypoints_are_unseen():
    image = np.full((200, 300, 3), 200, np.uint8)
    grid = np.stack(np.meshgrid(np.arange(300), np.arange(200)), -1).reshape(1, -1, 2)
    for epoch in range(6):
        changed, _ = Augmentation(covering=True).apply(labeled(image, grid), generator(1, epoch, 0))
        hidden = np.isnan(changed.pose.animals.xy[0, :, 0]).reshape(200, 300)
        np.testing.assert_array_equal(hidden, changed.image[..., 0] == 0)


@pytest.mark.parametrize("name", ["hist_eq", "motion_blur", "covering", "elastic_transform", "grayscale"])
def test_each_change_of_pixels_comes_half_of_the_time_and_never_touches_the_source(name):
    augmentation = build_augmentation(Transforms(**{name: True}))
    rng = np.random.default_rng(5)
    source = labeled(rng.integers(0, 180, (40, 50, 3)).astype(np.uint8), np.array([[[20.0, 20.0]]]))
    original = source.image.copy()
    source.image.setflags(write=False)
    results = [augmentation.apply(source, generator(2, epoch, 0))[0].image for epoch in range(60)]
    changed = sum(not np.array_equal(result, original) for result in results)
    assert 15 < changed < 45
    np.testing.assert_array_equal(source.image, original)
    assert all(result.shape == (40, 50, 3) and result.dtype == np.uint8 for result in results)


def test_samples_depend_on_seed_epoch_and_image_and_nothing_else():
    augmentation = Augmentation(
        RandomFlip(), RandomAffine(1.0, (0.5, 1.25), 30, 0), RandomCrop(64, 64), motion_blur=True, noise=12.75
    )
    source = dots(np.random.default_rng(0))
    first, again = (augmentation.apply(source, generator(1, 2, 3))[0] for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.pose.animals.xy, again.pose.animals.xy)
    for other in ((0, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not np.array_equal(first.image, augmentation.apply(source, generator(*other))[0].image)
    assert generator(1, 2).random() != generator(1, 2, 0).random()


def angle_of(warp: Warp) -> float:
    return float(np.rad2deg(np.arctan2(warp.matrix[1, 0], warp.matrix[0, 0])))


def test_rotation_translation_and_scaling_use_their_full_range_on_both_sides():
    affine = RandomAffine(1.0, scaling=(0.5, 2.0), rotation=30.0, translation=4)
    warps = [affine.sample(Warp.identity(101, 101), generator(0, epoch)) for epoch in range(400)]
    angles = np.array([angle_of(warp) for warp in warps])
    assert -30 <= angles.min() < -28
    assert 28 < angles.max() <= 30
    shifts = np.array([warp.points(np.array([50.0, 50.0])) - 50 for warp in warps]).round(6)
    assert sorted(set(shifts.ravel().tolist())) == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    scales = np.array([np.sqrt(warp.area) for warp in warps])
    assert 0.5 <= scales.min() < 0.55
    assert 1.9 < scales.max() <= 2.0


def test_a_step_is_applied_with_its_probability():
    affine, flip = RandomAffine(0.25, rotation=30.0), RandomFlip(0.25)
    identity = Warp.identity(101, 101)
    turned = [affine.sample(identity, generator(0, epoch)) is not identity for epoch in range(400)]
    flipped = [flip.sample(identity, generator(1, epoch))[1] for epoch in range(400)]
    assert 0.18 < np.mean(turned) < 0.32
    assert 0.18 < np.mean(flipped) < 0.32
