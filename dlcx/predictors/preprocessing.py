"""Preprocessing of images: resized on the CPU, transferred as bytes, normalized and padded on the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dlcx.data.build_transforms import border_value, build_resize
from dlcx.data.labeled_images import InputResize
from dlcx.errors import DlcxError
from dlcx.predictors.geometry import Geometry
from dlcx.progress import NETWORK_TIME
from dlcx.settings import Transforms

#: Mean and standard deviation of ImageNet, for pixels from 0 to 1.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Scaling:
    """Scales pixels from 0 to 255.

    Parameters
    ----------
    normalize
        Divide by 255 and standardize with ImageNet's mean and standard deviation.
    unit
        Afterwards, divide by 255.
    """

    normalize: bool = True
    unit: bool = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """Scale floating-point pixels (B, 3, H, W)."""
        if self.normalize:
            mean = torch.tensor(MEAN, device=pixels.device)[:, None, None]
            std = torch.tensor(STD, device=pixels.device)[:, None, None]
            pixels = (pixels / 255 - mean) / std
        return pixels / 255 if self.unit else pixels

    @cached_property
    def table(self) -> np.ndarray:
        """Scaled value of each byte, (1, 256, 3) float32 for the three channels."""
        values = torch.arange(256, dtype=torch.float32).expand(1, 3, 1, 256)
        return np.ascontiguousarray(self(values)[0].permute(1, 2, 0).numpy())

    def scale_images(self, images: np.ndarray, device: torch.device | str) -> Tensor:
        """Scale images (B, H, W, 3) uint8 to (B, 3, H, W) float32 on the device.

        On the CPU this is a table lookup, which is about ten times faster and gives the same numbers.
        """
        images = np.ascontiguousarray(images)
        if torch.device(device).type != "cpu" or not images.size:
            return self(torch.from_numpy(images).to(device, non_blocking=True).permute(0, 3, 1, 2).float())
        count, height, width, _ = images.shape
        scaled = cv2.LUT(images.reshape(count * height, width, 3), self.table)
        return torch.from_numpy(scaled.reshape(images.shape)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Padding:
    """Pads images at the bottom and right. DeepLabCut pads a random side, so that results vary.

    Parameters
    ----------
    min_size
        Minimum height and width.
    divisor
        Height and width become multiples of these numbers.
    reflect
        Reflect the image at its border; otherwise fill with ``value``.
    value
        Fill value, or one per channel, from 0 to 255.
    """

    min_size: tuple[int, int] = (0, 0)
    divisor: tuple[int, int] = (1, 1)
    reflect: bool = True
    value: float | tuple[float, ...] = 0.0

    def __call__(self, pixels: Tensor, scaling: Scaling = Scaling(normalize=False)) -> Tensor:
        """Pad scaled pixels (B, 3, H, W); ``value`` is scaled in the same way."""
        sizes = pixels.shape[-2:]
        wanted = [max(size, low) for size, low in zip(sizes, self.min_size, strict=True)]
        wanted = [-(-size // step) * step for size, step in zip(wanted, self.divisor, strict=True)]
        while (rest := [want - size for want, size in zip(wanted, pixels.shape[-2:], strict=True)]) != [0, 0]:
            if not self.reflect:
                count, channels, height, width = pixels.shape
                value = torch.as_tensor(self.value, dtype=torch.float32, device=pixels.device).reshape(1, -1, 1, 1)
                value = value.expand(1, channels, 1, 1)
                padded = scaling(value).expand(-1, -1, *wanted).repeat(count, 1, 1, 1)
                padded[..., :height, :width] = pixels
                return padded
            # a reflection is smaller than the image, so that small images need several
            down, right = (min(add, size - 1) for add, size in zip(rest, pixels.shape[-2:], strict=True))
            if (down, right) == (0, 0):
                return functional.pad(pixels, (0, rest[1], 0, rest[0]), mode="replicate")
            pixels = functional.pad(pixels, (0, right, 0, down), mode="reflect")
        return pixels


@dataclass(frozen=True)
class Preprocessing:
    """Preprocesses full images or crops as ``data.inference`` of pytorch_config.yaml says, in this order.

    Parameters
    ----------
    resize, padding, scaling
        None for no resizing or padding.
    """

    resize: InputResize | None = None
    padding: Padding | None = None
    scaling: Scaling = Scaling()

    def __call__(self, images: np.ndarray, device: torch.device | str) -> tuple[Tensor, Geometry]:
        """Preprocess images.

        Parameters
        ----------
        images
            (B, H, W, 3) uint8 RGB.
        device
            Device of the result.

        Returns
        -------
        tensor
            (B, 3, h, w) float32.
        geometry
            How pixels of the images map to it.
        """
        started, scale = perf_counter(), (1.0, 1.0)
        if self.resize is not None:
            scale = self.resize.factors(images.shape[2], images.shape[1])
            images = np.stack([self.resize.image(image) for image in images])
        pixels = self.scaling.scale_images(images, device)
        if self.padding is not None:
            pixels = self.padding(pixels, self.scaling)
        NETWORK_TIME.preparing += perf_counter() - started
        return pixels, Geometry(scale)


def build_preprocessing(transforms: Transforms | None) -> Preprocessing:
    """Build the steps of ``data.inference``.

    Raises
    ------
    DlcxError
        If a step is random augmentation.
    """
    if transforms is None:
        return Preprocessing()
    for name in _RANDOM:
        if getattr(transforms, name):
            raise DlcxError(f"data.inference.{name}: random augmentation is only supported in data.train")
    padding = None
    if (pad := transforms.auto_padding) is not None:
        padding = Padding(
            min_size=(pad.min_height or 0, pad.min_width or 0),
            divisor=(pad.pad_height_divisor or 1, pad.pad_width_divisor or 1),
            reflect=pad.border_mode == "reflect_101",
            value=border_value(pad),
        )
    return Preprocessing(build_resize(transforms), padding, build_scaling(transforms))


def build_scaling(transforms: Transforms | None) -> Scaling:
    """Build the scaling of ``normalize_images`` and ``scale_to_unit_range``."""
    return Scaling(transforms.normalize_images, transforms.scale_to_unit_range) if transforms else Scaling()


_RANDOM = (
    "hflip",
    "affine",
    "random_bbox_transform",
    "crop_sampling",
    "hist_eq",
    "motion_blur",
    "covering",
    "elastic_transform",
    "grayscale",
    "gaussian_noise",
)
