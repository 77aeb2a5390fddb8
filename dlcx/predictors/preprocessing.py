"""From images to network input: resized like in training, uploaded as bytes, normalised and padded on the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dlcx.data.build_transforms import border_value, build_resize
from dlcx.data.labeled_images import InputResize
from dlcx.errors import DlcxError
from dlcx.predictors.geometry import Geometry
from dlcx.progress import METER
from dlcx.settings import Transforms

#: ImageNet's, for images of 0 to 1.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Scaling:
    """From pixels of 0 to 255 to the net's: ImageNet's mean and deviation, then division by 255, in this order."""

    normalize: bool = True
    unit: bool = False

    def __call__(self, pixels: Tensor) -> Tensor:
        """Scale float pixels (B, 3, H, W)."""
        if self.normalize:
            mean = torch.tensor(MEAN, device=pixels.device)[:, None, None]
            std = torch.tensor(STD, device=pixels.device)[:, None, None]
            pixels = (pixels / 255 - mean) / std
        return pixels / 255 if self.unit else pixels

    @cached_property
    def table(self) -> np.ndarray:
        """What each byte becomes, (1, 256, 3) float32 for the three channels."""
        every = torch.arange(256, dtype=torch.float32).expand(1, 3, 1, 256)
        return np.ascontiguousarray(self(every)[0].permute(1, 2, 0).numpy())

    def of_bytes(self, images: np.ndarray, device: torch.device | str) -> Tensor:
        """Scale images (B, H, W, 3) uint8 to (B, 3, H, W) float32 on the device.

        A processor looks bytes up in a table, some ten times faster; the numbers are the same.
        """
        images = np.ascontiguousarray(images)
        if torch.device(device).type != "cpu" or not images.size:
            return self(torch.from_numpy(images).to(device, non_blocking=True).permute(0, 3, 1, 2).float())
        count, height, width, _ = images.shape
        scaled = cv2.LUT(images.reshape(count * height, width, 3), self.table)
        return torch.from_numpy(scaled.reshape(images.shape)).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Padding:
    """At the bottom and right, to at least ``smallest`` and to multiples of ``divisor``, both (height, width).

    DeepLabCut pads a random side; here the same input always gives the same result.
    """

    smallest: tuple[int, int] = (0, 0)
    divisor: tuple[int, int] = (1, 1)
    reflect: bool = True
    value: float | tuple[float, ...] = 0.0

    def __call__(self, pixels: Tensor, scaling: Scaling = Scaling(normalize=False)) -> Tensor:
        """Pad pixels (B, 3, H, W) that were scaled; so is ``value``."""
        sizes = pixels.shape[-2:]
        wanted = [max(size, low) for size, low in zip(sizes, self.smallest, strict=True)]
        wanted = [-(-size // step) * step for size, step in zip(wanted, self.divisor, strict=True)]
        while (rest := [want - size for want, size in zip(wanted, pixels.shape[-2:], strict=True)]) != [0, 0]:
            if not self.reflect:
                count, channels, height, width = pixels.shape
                value = torch.as_tensor(self.value, dtype=torch.float32, device=pixels.device).reshape(1, -1, 1, 1)
                value = value.expand(1, channels, 1, 1)
                padded = scaling(value).expand(-1, -1, *wanted).repeat(count, 1, 1, 1)
                padded[..., :height, :width] = pixels
                return padded
            # a reflection reaches no farther than the image is wide: small images are unfolded step by step
            down, right = (min(add, size - 1) for add, size in zip(rest, pixels.shape[-2:], strict=True))
            if (down, right) == (0, 0):
                return functional.pad(pixels, (0, rest[1], 0, rest[0]), mode="replicate")
            pixels = functional.pad(pixels, (0, right, 0, down), mode="reflect")
        return pixels


@dataclass(frozen=True)
class Preparation:
    """What ``data.inference`` of pytorch_config.yaml does to whole images, in its order."""

    resize: InputResize | None = None
    padding: Padding | None = None
    scaling: Scaling = Scaling()

    def __call__(self, images: np.ndarray, device: torch.device | str) -> tuple[Tensor, Geometry]:
        """Images (B, H, W, 3) uint8 RGB -> input (B, 3, h, w) float32 on the device, and where pixels went."""
        scale = (1.0, 1.0)
        with METER("preparing"):
            if self.resize is not None:
                scale = self.resize.factors(images.shape[2], images.shape[1])
                images = np.stack([self.resize.image(image) for image in images])
            pixels = self.scaling.of_bytes(images, device)
            return (pixels if self.padding is None else self.padding(pixels, self.scaling)), Geometry(scale)


def build_preparation(transforms: Transforms | None) -> Preparation:
    """The steps of ``data.inference``.

    Raises
    ------
    DlcxError
        For a step that makes no sense on whole images that are to be predicted.
    """
    if transforms is None:
        return Preparation()
    for name in _RANDOM:
        if getattr(transforms, name):
            raise DlcxError(f"data.inference.{name}: random steps belong in data.train")
    padding = None
    if (pad := transforms.auto_padding) is not None:
        padding = Padding(
            smallest=(pad.min_height or 0, pad.min_width or 0),
            divisor=(pad.pad_height_divisor or 1, pad.pad_width_divisor or 1),
            reflect=pad.border_mode == "reflect_101",
            value=border_value(pad),
        )
    return Preparation(build_resize(transforms), padding, build_scaling(transforms))


def build_scaling(transforms: Transforms | None) -> Scaling:
    """``normalize_images`` and ``scale_to_unit_range``."""
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
