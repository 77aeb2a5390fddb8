"""Preprocessing and augmentation of images: ``data.train`` and ``data.inference`` of pytorch_config.yaml.

The steps are applied in the order of :class:`Transforms`, whatever the order in the file.  All lengths are in pixels.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dlcx.settings.base import MAX_SIDE, AsWritten, Free, Number, Pixels, Probability, Settings, Whole

#: A brightness; images go from 0 to 255.
Color = Annotated[Number, Field(ge=0, le=255)]
Scale = Annotated[Number, Field(gt=0, le=1000)]


class ResizeSettings(AsWritten):
    """Resize to width x height; with ``keep_ratio``, pad with zeros at the bottom or right."""

    height: Pixels
    width: Pixels
    keep_ratio: bool = True


class FlipSettings(AsWritten):
    """Mirror left and right."""

    p: Number = Field(0.5, ge=0, le=1, description="Probability.")
    symmetries: list[tuple[Whole, Whole]] | None = Field(None, description="Pairs of left and right keypoints to swap.")


class AffineSettings(AsWritten):
    """Random rotation, scale and translation."""

    p: Number = Field(0.9, ge=0, le=1, description="Probability.")
    scaling: tuple[Scale, Scale] | None = Field(None, description="Range of the scale.")
    rotation: Number | None = Field(None, ge=0, le=360, description="Largest angle, degrees.")
    translation: Number | None = Field(None, ge=0, le=MAX_SIDE, description="Largest shift, pixels.")

    @model_validator(mode="after")
    def _range(self) -> AffineSettings:
        if self.scaling and not 0 < self.scaling[0] <= self.scaling[1]:
            raise ValueError(f"scaling must be [low, high] with 0 < low <= high, got {list(self.scaling)}")
        return self


class RandomBoxSettings(AsWritten):
    """Random shift and scale of an animal's box (top-down networks)."""

    shift_factor: Number = Field(0.1, ge=0, le=100, description="Largest shift as a fraction of the box.")
    shift_prob: Number = Field(0.25, ge=0, le=1)
    scale_factor: tuple[Scale, Scale] = Field((0.75, 1.25), description="Range of the scale.")
    scale_prob: Number = Field(1.0, ge=0, le=1)
    p: Number = Field(1.0, ge=0, le=1, description="Probability.")


class CropSamplingSettings(AsWritten):
    """A random crop around keypoints; smaller images are padded with zeros first."""

    width: Pixels
    height: Pixels
    max_shift: Number = Field(
        ge=0, le=100, description="Largest shift of the center as a fraction of the crop, at most 0.4."
    )
    method: Literal["uniform", "keypoints", "density", "hybrid"]


class AutoPaddingSettings(AsWritten):
    """Pad to a smallest size or to a multiple of a divisor."""

    min_height: Pixels | None = None
    min_width: Pixels | None = None
    pad_height_divisor: Pixels | None = 1
    pad_width_divisor: Pixels | None = 1
    position: str = "random"
    border_mode: Literal["reflect_101", "constant"] = "reflect_101"
    border_value: Color | list[Color] | None = None
    border_mask_value: Color | list[Color] | None = None


class CropSettings(AsWritten):
    """Size of the crop around an animal for a top-down network."""

    width: Pixels
    height: Pixels
    margin: int = Field(0, ge=0, le=MAX_SIDE, description="Pixels added around the box.")
    crop_with_context: bool = Field(True, description="Widen the box to the crop's aspect ratio instead of stretching.")


class Transforms(Settings):
    """All steps; null or false leaves a step out."""

    resize: ResizeSettings | None = None
    longest_max_size: Pixels | None = Field(None, description="Scale so that the longer side has this length.")
    hflip: bool | Probability | FlipSettings | None = Field(None, description="true: p 0.5; a number: p.")
    affine: AffineSettings | None = None
    random_bbox_transform: RandomBoxSettings | None = None
    crop_sampling: CropSamplingSettings | None = None
    hist_eq: bool | None = Field(False, description="Histogram equalization, p 0.5.")
    motion_blur: bool | None = Field(False, description="Motion blur of 3 to 7 pixels, p 0.5.")
    covering: bool | None = Field(None, description="Black out 10 small rectangles, p 0.5.")
    elastic_transform: bool | None = Field(None, description="Elastic deformation, p 0.5.")
    grayscale: bool | None = Field(None, description="Blend towards gray, p 0.5.")
    gaussian_noise: bool | Color | None = Field(None, description="Largest standard deviation (true: 12.75), p 0.5.")
    auto_padding: AutoPaddingSettings | None = None
    normalize_images: bool = Field(True, description="ImageNet's mean and standard deviation.")
    scale_to_unit_range: bool = Field(False, description="Divide by 255.")
    top_down_crop: CropSettings | None = Field(None, description="Top-down networks; not given: 256 x 256.")
    collate: Free | None = Field(None, description="How images of different sizes form a batch (detectors).")
