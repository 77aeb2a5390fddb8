from __future__ import annotations

import numpy as np
import pytest

from dlcx.data.augment import Augmentation, Pad, RandomAffine, RandomCrop, RandomFlip
from dlcx.data.box_jitter import BoxJitter
from dlcx.data.build_transforms import (
    border_value,
    build_augmentation,
    build_cropping,
    build_jitter,
    build_resize,
    build_sampler,
)
from dlcx.data.crops import Cropping
from dlcx.data.labeled_images import InputResize
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.errors import DlcxError
from dlcx.settings.model import GenerativeSampling
from dlcx.settings.transforms import AutoPaddingSettings, Transforms


def test_the_settings_reach_the_augmentation():
    transforms = Transforms(
        resize={"width": 32, "height": 24, "keep_ratio": False},
        hflip={"p": 0.3, "symmetries": [[0, 1]]},
        affine={"p": 0.5, "rotation": 30, "scaling": [0.5, 1.25], "translation": 7},
        crop_sampling={"width": 448, "height": 400, "max_shift": 0.1, "method": "hybrid"},
        gaussian_noise=True,
        motion_blur=True,
        auto_padding={"pad_width_divisor": 32, "pad_height_divisor": 16, "border_mode": "constant"},
    )
    assert build_augmentation(transforms) == Augmentation(
        flip=RandomFlip(0.3, ((0, 1),)),
        affine=RandomAffine(0.5, (0.5, 1.25), 30.0, 7),
        crop=RandomCrop(448, 400, 0.1, "hybrid"),
        motion_blur=True,
        noise=12.75,
        pad=Pad(divisors=(32, 16), mirror=False),
    )
    assert build_resize(transforms) == InputResize(32, 24, keep_ratio=False)
    assert build_augmentation(Transforms()) == build_augmentation(None) == Augmentation()
    assert build_resize(Transforms(longest_max_size=99)) == InputResize(longest=99)


def test_a_flip_without_pairs_is_warned_of(caplog):
    assert build_augmentation(Transforms(hflip=0.25)).flip == RandomFlip(0.25)
    assert "symmetries" in caplog.text


def test_a_flip_of_boxes_needs_no_symmetries(caplog):
    build_augmentation(Transforms(hflip=0.25), keypoints=False)
    assert caplog.text == ""


def test_crops_are_256_pixels_by_default():
    assert build_cropping(None) == build_cropping(Transforms()) == Cropping((256, 256), 0, True)
    crop = {"width": 192, "height": 128, "margin": 7, "crop_with_context": False}
    assert build_cropping(Transforms(top_down_crop=crop)) == Cropping((192, 128), 7, False)


def test_the_box_jitter_of_the_settings():
    settings = {"shift_factor": 0.2, "shift_prob": 0.3, "scale_factor": [0.6, 1.4], "scale_prob": 0.9, "p": 0.8}
    jitter = build_jitter(Transforms(random_bbox_transform=settings))
    assert jitter == BoxJitter(0.2, 0.3, (0.6, 1.4), 0.9, 0.8)
    assert build_jitter(None) is None


def test_the_condition_sampler_of_the_settings():
    given = GenerativeSampling(
        keypoint_sigmas=[0.1, 0.2],
        keypoints_symmetry=[(0, 1)],
        jitter_prob=0.2,
        swap_prob=0.1,
        inv_prob=0.05,
        miss_prob=0,
    )
    assert build_sampler(given, 2) == ConditionSampler((0.1, 0.2), ((0, 1),), 0.2, 0.1, 0.05, 0)
    assert build_sampler(None, 2) == ConditionSampler((0.1,))


def test_border_values_are_one_number_or_three():
    assert border_value(AutoPaddingSettings(border_value=7)) == 7
    assert border_value(AutoPaddingSettings(border_value=[1, 2, 3])) == (1, 2, 3)
    with pytest.raises(DlcxError, match="one number, or three"):
        border_value(AutoPaddingSettings(border_value=[1, 2]))


def test_a_constant_border_is_filled_with_its_value():
    padding = {"min_width": 6, "min_height": 5, "border_mode": "constant", "border_value": 9}
    padding |= {"pad_width_divisor": None, "pad_height_divisor": None}
    pad = build_augmentation(Transforms(auto_padding=padding)).pad
    assert pad == Pad(min_size=(6, 5), mirror=False, value=9)
    padded = pad.apply(np.zeros((4, 4, 3), np.uint8))
    assert padded.shape == (5, 6, 3)
    assert (padded[4] == 9).all()
