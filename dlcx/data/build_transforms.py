"""From data.train of pytorch_config.yaml to what is done to images; its resize serves inference too."""

from __future__ import annotations

import logging

from dlcx.data.augment import Augmentation, Pad, RandomAffine, RandomCrop, RandomFlip
from dlcx.data.box_jitter import BoxJitter
from dlcx.data.crops import Cropping
from dlcx.data.labeled_images import InputResize
from dlcx.data.simulated_conditions import ConditionSampler
from dlcx.errors import DlcxError
from dlcx.settings import Transforms
from dlcx.settings.model import GenerativeSampling
from dlcx.settings.transforms import AutoPadding
from dlcx.settings.transforms import Crop as CropSettings

logger = logging.getLogger(__name__)

#: Largest standard deviation of noise that ``gaussian_noise: true`` means.
NOISE = 12.75


def build_resize(transforms: Transforms | None) -> InputResize | None:
    """``resize`` and ``longest_max_size``: nothing random, so done once, when an image is read."""
    if transforms is None or not (transforms.resize or transforms.longest_max_size):
        return None
    longest = transforms.longest_max_size
    if (given := transforms.resize) is None:
        return InputResize(longest=longest)
    return InputResize(given.width, given.height, given.keep_ratio, longest)


def build_cropping(transforms: Transforms | None) -> Cropping:
    """``top_down_crop``; 256 x 256 where the file does not say, as in DeepLabCut."""
    given = (transforms and transforms.top_down_crop) or CropSettings(width=256, height=256)
    return Cropping((given.width, given.height), given.margin, given.crop_with_context)


def build_sampler(given: GenerativeSampling | None, keypoints: int) -> ConditionSampler:
    """``data.gen_sampling``: how guesses of poses are drawn for conditional nets.

    Raises
    ------
    DlcxError
        When it is made for another number of keypoints, or its chances are more than 1.
    """
    given = given or GenerativeSampling()
    sigmas = given.keypoint_sigmas if isinstance(given.keypoint_sigmas, list) else [given.keypoint_sigmas]
    pairs, where = given.keypoints_symmetry, "data.gen_sampling"
    chances = (given.jitter_prob, given.swap_prob, given.inv_prob, given.miss_prob)
    if len(sigmas) not in (1, keypoints):
        raise DlcxError(
            f"{where}.keypoint_sigmas: expected 1 or {keypoints} numbers, for as many bodyparts, got {len(sigmas)}",
            hint=f"--set {where}.keypoint_sigmas=0.1 is one for all bodyparts.",
        )
    if any(not 0 <= keypoint < keypoints for pair in pairs or () for keypoint in pair):
        raise DlcxError(
            f"{where}.keypoints_symmetry: expected numbers of bodyparts, 0 to {keypoints - 1}, got {pairs}",
            hint=f"--set {where}.keypoints_symmetry=null draws partners at random.",
        )
    if sum(chances) > 1:
        raise DlcxError(f"{where}: jitter_prob, swap_prob, inv_prob and miss_prob sum to more than 1")
    return ConditionSampler(tuple(map(float, sigmas)), None if pairs is None else tuple(pairs), *chances)


def build_jitter(transforms: Transforms | None) -> BoxJitter | None:
    """``random_bbox_transform``."""
    given = transforms and transforms.random_bbox_transform
    if not given:
        return None
    low, high = given.scale_factor
    return BoxJitter(given.shift_factor, given.shift_prob, (low, high), given.scale_prob, given.p)


def build_augmentation(transforms: Transforms | None, *, keypoints: bool = True) -> Augmentation:
    """Everything else: what changes from epoch to epoch; without ``keypoints`` the names of bodyparts do not matter."""
    if transforms is None:
        return Augmentation()
    noise = transforms.gaussian_noise
    return Augmentation(
        flip=_flip(transforms, keypoints),
        affine=_affine(transforms),
        crop=_crop(transforms),
        hist_eq=bool(transforms.hist_eq),
        motion_blur=bool(transforms.motion_blur),
        covering=bool(transforms.covering),
        elastic=bool(transforms.elastic_transform),
        grayscale=bool(transforms.grayscale),
        noise=NOISE if noise is True else float(noise or 0.0),
        pad=_pad(transforms),
    )


def _flip(transforms: Transforms, keypoints: bool) -> RandomFlip | None:
    given = transforms.hflip
    if not given:
        return None
    if given is True:
        flip = RandomFlip()
    elif isinstance(given, int | float):
        flip = RandomFlip(float(given))
    else:
        flip = RandomFlip(float(given.p), tuple(given.symmetries or ()))
    if keypoints and not flip.pairs:
        logger.warning("data.train.hflip names no symmetries: mirrored left and right bodyparts keep their names")
    return flip


def _affine(transforms: Transforms) -> RandomAffine | None:
    if (given := transforms.affine) is None:
        return None
    low, high = given.scaling or (1.0, 1.0)
    return RandomAffine(
        float(given.p), (float(low), float(high)), float(given.rotation or 0), int(given.translation or 0)
    )


def _crop(transforms: Transforms) -> RandomCrop | None:
    if (given := transforms.crop_sampling) is None:
        return None
    return RandomCrop(given.width, given.height, float(given.max_shift), given.method)


def _pad(transforms: Transforms) -> Pad | None:
    if (given := transforms.auto_padding) is None:
        return None
    return Pad(
        least=(given.min_width or 0, given.min_height or 0),
        divisors=(given.pad_width_divisor or 1, given.pad_height_divisor or 1),
        mirror=given.border_mode == "reflect_101",
        value=border_value(given),
    )


def border_value(given: AutoPadding) -> float | tuple[float, ...]:
    """What a constant border is filled with, from 0 to 255: one number, or red, green and blue.

    Raises
    ------
    DlcxError
        For another count of numbers.
    """
    value = given.border_value
    if not isinstance(value, list):
        return float(value or 0)
    if len(value) != 3:
        raise DlcxError(
            f"auto_padding.border_value: expected one number, or three for red, green and blue, got {value}"
        )
    red, green, blue = map(float, value)
    return red, green, blue
