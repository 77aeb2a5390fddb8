"""One feature map of any timm network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import timm
import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError, did_you_mean

#: Ways to let a network take images of any size; the first that its constructor knows is used.
FREE_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
#: Image sizes (height, width) that a network is tried with, by what they divide by.
TRIAL_SIZES = {1: (150, 201), 32: (160, 224)}


class Timm(nn.Module):
    """Features (B, channels, H / stride, W / stride) of images (B, 3, H, W).

    ``out_index`` counts timm's feature maps, fine to coarse; ``output_stride`` dilates the last stages of networks
    that can, so that their last map is finer.
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
        """The chosen feature map."""
        features = self.model(images)[0]
        if features.shape[1] != self.channels:  # some transformers keep channels last
            features = features.permute(0, 3, 1, 2)
        return features


@dataclass(frozen=True)
class Facts:
    """Which feature map to take of a network, and what it is like; ``divisor`` is what image sizes must divide by."""

    out_index: int
    output_stride: int | None
    stride: int
    channels: int
    divisor: int = 1


def describe(model_name: str, *, stride: int) -> Facts:
    """The richest feature map with at most ``stride`` pixels a cell, dilating the network where it can be.

    Raises
    ------
    DlcxError
        When timm has no such network, it gives no feature maps, or it takes images of one size only.
    """
    try:
        info, output_stride = _create(model_name, None, stride).feature_info, stride
    except DlcxError:
        info, output_stride = _create(model_name, None, None).feature_info, None
    reductions = info.reduction()
    fine = [place for place, value in enumerate(reductions) if value <= stride] or [0]
    place = max(fine, key=lambda place: (reductions[place], place))
    facts = Facts(info.out_indices[place], output_stride, reductions[place], info.channels()[place])
    network = Timm(model_name, facts.out_index, facts.output_stride).eval()
    for divisor, size in TRIAL_SIZES.items():
        try:
            with torch.inference_mode():
                network(torch.zeros(1, 3, *size))
            return replace(facts, divisor=divisor)
        except (AssertionError, RuntimeError, ValueError) as error:
            problem = error
    raise DlcxError(
        f"timm/{model_name}: does not take images of any size ({problem})",
        hint="Convolutional networks such as timm/tf_efficientnet_lite0 do; so do many vision transformers.",
    )


def _create(model_name: str, out_index: int | None, output_stride: int | None) -> Any:
    """A timm network that returns a list of feature maps: one, or all for None."""
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
    raise DlcxError(f"timm/{model_name}: gives no feature maps ({problem})", hint="Try timm/tf_efficientnet_lite0.")
