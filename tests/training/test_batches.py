"""Batches depend on seed, epoch and image, not on who prepares them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dlcx.data.augment import Augmentation, RandomAffine, RandomCrop
from dlcx.data.crops import Cropping
from dlcx.data.labeled_images import LabeledImages
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.poses import Instances, Prediction
from dlcx.predictors.preprocessing import Preprocessing, Scaling
from dlcx.training.batches import Batch, Batches
from dlcx.training.loss_step import to_input
from dlcx.training.samples import ConditionalCrops, FullImages

RANDOM = Augmentation(
    affine=RandomAffine(0.5, (0.5, 1.25), 30, 0), crop=RandomCrop(32, 32), motion_blur=True, noise=12.75
)

RANDOM_CROP = Augmentation(affine=RandomAffine(0.5, (1.0, 1.0), 30, 0), noise=12.75)


def write_images(folder: Path, sizes: list[tuple[int, int]]) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(len(sizes))]
    for path, (width, height) in zip(paths, sizes, strict=True):
        cv2.imwrite(str(path), rng.integers(0, 255, (height, width, 3)).astype(np.uint8))
    return paths


def pose(xy: np.ndarray, unique: np.ndarray | None = None) -> Prediction:
    def instances(points: np.ndarray) -> Instances:
        return Instances(points, np.isfinite(points).all(-1).astype(np.float32))

    return Prediction(instances(xy), None if unique is None else instances(unique))


@pytest.fixture
def images(tmp_path: Path) -> LabeledImages:
    rng = np.random.default_rng(1)
    poses = [pose(rng.uniform(5, 35, (2, 3, 2))) for _ in range(7)]
    return LabeledImages(write_images(tmp_path, [(40, 48)] * 7), poses)


def equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        a.paths == b.paths
        and torch.equal(a.images, b.images)
        and torch.equal(a.labels.keypoints, b.labels.keypoints)
        and torch.equal(a.labels.area, b.labels.area)
        for a, b in zip(one, other, strict=True)
    )


def test_workers_and_a_later_start_change_nothing(images):
    alone, threads = (
        Batches(FullImages(images, RANDOM, margin=20), size=3, seed=5, workers=workers) for workers in (0, 2)
    )
    first = list(alone.epoch(4))
    assert equal(first, list(threads.epoch(4)))
    assert equal(first[1:], list(threads.epoch(4, start=1)))
    assert equal([], list(threads.epoch(4, start=3)))
    assert not equal(first, list(alone.epoch(5)))
    assert not equal(first, list(Batches(FullImages(images, RANDOM, margin=20), size=3, seed=6).epoch(4)))


def test_an_epoch_holds_every_image_once_in_another_order_each_time(images):
    batches = Batches(FullImages(images, RANDOM, margin=20), size=3, seed=5)
    assert len(batches) == 3
    seen = [path for batch in batches.epoch(1) for path in batch.paths]
    assert sorted(seen) == sorted(images.paths)
    assert seen != [path for batch in batches.epoch(2) for path in batch.paths]


def test_a_thread_s_error_reaches_the_caller_and_leaving_early_ends_the_threads(images):
    rest = Batches(FullImages(images, RANDOM, margin=20), size=1, seed=0, workers=2).epoch(1)
    next(rest)
    rest.close()
    images.paths[3].write_bytes(b"broken")
    fresh = LabeledImages(images.paths, images.poses)
    with pytest.raises(Exception, match="cannot read image"):
        list(Batches(FullImages(fresh, RANDOM, margin=20), size=2, seed=0, workers=2).epoch(1))


def test_images_of_different_sizes_are_padded_and_absent_animals_have_flag_0(tmp_path):
    nan = np.nan
    paths = write_images(tmp_path, [(30, 20), (20, 40)])
    both = np.array([[[5.0, 6], [7, 8]], [[15, 16], [nan, nan]]])
    second = np.array([[[nan, nan], [nan, nan]], [[9.0, 10], [11, 12]]])
    poses = [pose(both, np.array([[[3.0, 4]]])), pose(second, np.array([[[nan, nan]]]))]
    (batch,) = Batches(FullImages(LabeledImages(paths, poses), Augmentation(), margin=2), size=2, seed=0).epoch(1)
    row = {path: index for index, path in enumerate(batch.paths)}
    first, other = row[paths[0]], row[paths[1]]
    assert batch.images.shape == (2, 40, 30, 3)
    assert batch.images.dtype == torch.uint8
    assert not batch.images[first, 20:].any()
    assert not batch.images[other, :, 20:].any()
    labels = batch.labels
    np.testing.assert_array_equal(labels.keypoints[first], [[[5, 6, 2], [7, 8, 2]], [[15, 16, 2], [0, 0, 0]]])
    np.testing.assert_array_equal(labels.keypoints[other], [[[9, 10, 2], [11, 12, 2]], [[0, 0, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(labels.individual_ids[[first, other]], [[0, 1], [1, -1]])
    np.testing.assert_array_equal(labels.unique[[first, other]], [[[3, 4, 2]], [[0, 0, 0]]])
    np.testing.assert_array_equal(labels.area[[first, other]], [[36, 16], [36, 0]])


def test_areas_grow_with_the_image(tmp_path):
    poses = [pose(np.array([[[20.0, 20], [30, 30]]]))]
    zoom = Augmentation(affine=RandomAffine(1.0, (0.5, 0.5)))
    paths = write_images(tmp_path, [(60, 60)])
    (batch,) = Batches(FullImages(LabeledImages(paths, poses), zoom, margin=5), size=1, seed=0).epoch(1)
    assert batch.labels.area[0, 0] == pytest.approx(100.0)


@pytest.mark.parametrize(("normalize", "unit"), [(True, False), (False, True), (True, True), (False, False)])
def test_training_and_inference_give_the_net_the_same(images, normalize, unit):
    (batch, *_) = Batches(FullImages(images, Augmentation(), margin=20), size=3, seed=5).epoch(1)
    expected, _ = Preprocessing(scaling=Scaling(normalize, unit))(batch.images.numpy(), "cpu")
    torch.testing.assert_close(to_input(Scaling(normalize, unit))(batch.images), expected, rtol=0, atol=0)


def test_guesses_and_labels_lie_in_the_same_crop(images):
    sampler = ConditionSampler(jitter=0.0, swap=0.0, inversion=0.0, miss=0.0)  # good guesses only
    samples = ConditionalCrops(images, RANDOM_CROP, Cropping((64, 64), context=False), sampler, margin=10)
    assert len(samples) == 14  # two animals in each of seven images
    batches = Batches(samples, size=4, seed=5)
    for batch in batches.epoch(1):
        assert batch.images.shape[1:] == (64, 64, 3)
        assert batch.conditions.shape == (len(batch), 3, 3)
        guess, truth = batch.conditions.numpy(), batch.labels.keypoints[:, 0].numpy()
        both = (guess[..., 2] > 0) & (truth[..., 2] > 0)
        assert both.any()
        # a good guess is off by 0.11 times the side of the box; the crop shows the box of the guess alone
        assert np.linalg.norm(guess - truth, axis=-1)[both].max() < 0.2 * 64
        assert (guess[..., :2] >= 0).all()
        assert (guess[..., :2] <= 64).all()
    assert equal(list(batches.epoch(2)), list(Batches(samples, size=4, seed=5, workers=2).epoch(2)))


def test_an_animal_that_is_hidden_has_no_guess(tmp_path):
    xy = np.full((2, 3, 2), np.nan)
    xy[0, 0] = 20
    images = LabeledImages(write_images(tmp_path, [(40, 48)]), [pose(xy)])
    samples = ConditionalCrops(images, Augmentation(), Cropping((32, 32)), ConditionSampler(), margin=10)
    assert len(samples) == 1
    for epoch in range(20):
        sample = samples.sample(0, np.random.default_rng(epoch))
        assert np.isfinite(sample.condition).all()
        assert not sample.condition[1:].any()
