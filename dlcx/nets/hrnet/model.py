"""HRNet as a backbone: four branches kept side by side, at strides 4 to 32.

Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation (CVPR 2019).
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError, did_you_mean


class HRNet(nn.Module):
    """Features (B, channels, H / 4, W / 4) of images (B, 3, H, W), sides multiples of 32; timm's names below ``model``.

    The features are the finest branch, or with ``interpolate_branches`` all four, enlarged to its size.
    ``increased_channel_count`` gives the branches the widths that timm's classifier works on (128 to 1024 channels).
    """

    model: Any

    def __init__(
        self,
        model_name: str = "hrnet_w32",
        interpolate_branches: bool = False,
        increased_channel_count: bool = False,
    ) -> None:
        super().__init__()
        names = timm.list_models("hrnet*")
        if model_name.split(".")[0] not in names:
            raise DlcxError(f"model.backbone.model_name: no HRNet '{model_name}'", hint=did_you_mean(model_name, names))
        self.model = timm.create_model(
            model_name,
            features_only=True,
            feature_location="incre" if increased_channel_count else "",
            out_indices=(1, 2, 3, 4),
        )
        self.interpolate_branches = interpolate_branches
        self.timm_name = model_name
        self.stride = 4
        channels = self.model.feature_info.channels()
        self.channels = sum(channels) if interpolate_branches else channels[0]

    def forward(self, images: Tensor) -> Tensor:
        """The finest branch, or all of them in one map."""
        branches = self.model(images)
        finest = branches[0]
        if not self.interpolate_branches:
            return finest
        coarse = [functional.interpolate(branch, finest.shape[-2:], mode="bilinear") for branch in branches[1:]]
        return torch.cat([finest, *coarse], 1)
