"""Build augmentation and preprocessing from ``data.train`` and ``data.inference`` of pytorch_config.yaml."""

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
from dlcx.settings.transforms import AutoPaddingSettings, CropSettings

logger = logging.getLogger(__name__)

#: Maximum standard deviation of the noise that ``gaussian_noise: true`` requests, in gray levels.
DEFAULT_NOISE = 12.75


def build_resize(transforms: Transforms | None) -> InputResize | None:
    """Build the resize from ``resize`` and ``longest_max_size``; None without either.

    It is deterministic, so it is applied once, when an image is read.
    """
    if transforms is None or not (transforms.resize or transforms.longest_max_size):
        return None
    longest = transforms.longest_max_size
    if (given := transforms.resize) is None:
        return InputResize(longest=longest)
    return InputResize(given.width, given.height, given.keep_ratio, longest)


def build_cropping(transforms: Transforms | None) -> Cropping:
    """Build the crops from ``top_down_crop``; default: 256 x 256 pixels, as in DeepLabCut."""
    given = (transforms and transforms.top_down_crop) or CropSettings(width=256, height=256)
    return Cropping((given.width, given.height), given.margin, given.crop_with_context)


def build_sampler(given: GenerativeSampling | None, keypoints: int) -> ConditionSampler:
    """Build the sampler of conditions for conditional networks from ``data.gen_sampling``.

    Parameters
    ----------
    given
        The settings; None uses the defaults.
    keypoints
        Number of bodyparts of the project.

    Returns
    -------
    ConditionSampler
        Simulates the initial poses that a conditional network corrects.

    Raises
    ------
    DlcxError
        If the settings are for another number of keypoints, or their probabilities sum to more than 1.
    """
    given = given or GenerativeSampling()
    sigmas = given.keypoint_sigmas if isinstance(given.keypoint_sigmas, list) else [given.keypoint_sigmas]
    pairs, where = given.keypoints_symmetry, "data.gen_sampling"
    probabilities = (given.jitter_prob, given.swap_prob, given.inv_prob, given.miss_prob)
    if len(sigmas) not in (1, keypoints):
        raise DlcxError(
            f"{where}.keypoint_sigmas: expected 1 number or {keypoints}, one per bodypart, got {len(sigmas)}",
            hint=f"Use `--set {where}.keypoint_sigmas=0.1` for all bodyparts.",
        )
    if any(not 0 <= keypoint < keypoints for pair in pairs or () for keypoint in pair):
        raise DlcxError(
            f"{where}.keypoints_symmetry: expected indices of bodyparts from 0 to {keypoints - 1}, got {pairs}",
            hint=f"Use `--set {where}.keypoints_symmetry=null` for random partners.",
        )
    if sum(probabilities) > 1:
        raise DlcxError(f"{where}: jitter_prob, swap_prob, inv_prob and miss_prob sum to more than 1")
    return ConditionSampler(tuple(map(float, sigmas)), None if pairs is None else tuple(pairs), *probabilities)


def build_jitter(transforms: Transforms | None) -> BoxJitter | None:
    """Build the box jitter from ``random_bbox_transform``; None without it."""
    given = transforms and transforms.random_bbox_transform
    if not given:
        return None
    low, high = given.scale_factor
    return BoxJitter(given.shift_factor, given.shift_prob, (low, high), given.scale_prob, given.p)


def build_augmentation(transforms: Transforms | None, *, keypoints: bool = True) -> Augmentation:
    """Build the random augmentation.

    Parameters
    ----------
    transforms
        ``data.train``; None gives an augmentation that changes nothing.
    keypoints
        Whether the augmented labels are keypoints rather than boxes.  If so, a flip without symmetries is warned about.

    Returns
    -------
    Augmentation
        All changes that differ from epoch to epoch.
    """
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
        noise=DEFAULT_NOISE if noise is True else float(noise or 0.0),
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
        logger.warning("data.train.hflip defines no symmetries: left and right keep their names in flipped images")
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
        min_size=(given.min_width or 0, given.min_height or 0),
        divisors=(given.pad_width_divisor or 1, given.pad_height_divisor or 1),
        mirror=given.border_mode == "reflect_101",
        value=border_value(given),
    )


def border_value(given: AutoPaddingSettings) -> float | tuple[float, ...]:
    """Parse the fill value of a constant border.

    Returns
    -------
    float or tuple of float
        0 to 255: one number, or red, green and blue.

    Raises
    ------
    DlcxError
        If the list does not have three numbers.
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
