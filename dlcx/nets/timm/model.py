"""Backbone from one feature map of any timm network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError, did_you_mean

#: Options that make a network accept images of any size; the first that its constructor accepts is used.
FREE_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
#: Image sizes (height, width) to try a network with, by their divisor.
TRIAL_SIZES = {1: (150, 201), 32: (160, 224)}


class Timm(nn.Module):
    """Computes features (B, channels, H / stride, W / stride) of images (B, 3, H, W).

    Parameters
    ----------
    model_name
        Name of the network in timm.
    out_index
        Index of timm's feature map, fine to coarse.
    output_stride
        Dilate the last stages so that the coarsest map has this stride; not all networks support it.

    Raises
    ------
    DlcxError
        If timm has no such network or it has no feature maps.
    """

    model: Any

    def __init__(self, model_name: str, out_index: int = -1, output_stride: int | None = None) -> None:
        super().__init__()
        self.model = _create(model_name, out_index, output_stride)
        info = self.model.feature_info
        self.timm_name = model_name
        self.stride = info.reduction()[0]
        self.channels = info.channels()[0]

    def forward(self, images: Tensor) -> Tensor:
        """Return the selected feature map."""
        features: Tensor = self.model(images)[0]
        if features.shape[1] != self.channels:  # some transformers have channels last
            features = features.permute(0, 3, 1, 2)
        return features


@dataclass(frozen=True)
class Facts:
    """The feature map to use of a network: its index, stride and channels.

    ``output_stride`` is the dilation to request, None for none; image sizes must be multiples of ``divisor``.
    """

    out_index: int
    output_stride: int | None
    stride: int
    channels: int
    divisor: int = 1


def describe(model_name: str, *, stride: int) -> Facts:
    """Select the coarsest feature map with at most ``stride`` pixels per cell, dilating the network if possible.

    Raises
    ------
    DlcxError
        If timm has no such network, it has no feature maps, or it accepts only one image size.
    """
    try:
        info, output_stride = _create(model_name, None, stride).feature_info, stride
    except DlcxError:
        info, output_stride = _create(model_name, None, None).feature_info, None
    reductions = info.reduction()
    fine = [index for index, value in enumerate(reductions) if value <= stride] or [0]
    best = max(fine, key=lambda index: (reductions[index], index))
    facts = Facts(info.out_indices[best], output_stride, reductions[best], info.channels()[best])
    network = Timm(model_name, facts.out_index, facts.output_stride).eval()
    for divisor, size in TRIAL_SIZES.items():
        try:
            with torch.inference_mode():
                network(torch.zeros(1, 3, *size))
            return replace(facts, divisor=divisor)
        except (AssertionError, RuntimeError, ValueError) as error:
            problem = error
    raise DlcxError(
        f"timm/{model_name}: accepts only images of a fixed size ({problem})",
        hint="Use a convolutional network such as timm/tf_efficientnet_lite0, or another vision transformer.",
    )


def _create(model_name: str, out_index: int | None, output_stride: int | None) -> Any:
    """Create a timm network that returns one feature map, or all of them if ``out_index`` is None."""
    if not timm.is_model(model_name):
        names = timm.list_models()
        raise DlcxError(
            f"timm/{model_name}: timm {timm.__version__} has no such model", hint=did_you_mean(model_name, names)
        )
    options: dict[str, Any] = {} if out_index is None else {"out_indices": (out_index,)}
    if output_stride is not None:
        options["output_stride"] = output_stride
    problem: Exception | None = None
    for free_size in FREE_SIZE:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return timm.create_model(model_name, features_only=True, **options, **free_size)
        except (TypeError, NotImplementedError, AssertionError, RuntimeError, ValueError, AttributeError) as error:
            problem = error
    raise DlcxError(f"timm/{model_name}: has no feature maps ({problem})", hint="Try timm/tf_efficientnet_lite0.")
