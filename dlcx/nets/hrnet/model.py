"""HRNet backbone: four parallel branches with strides from 4 to 32.

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
    """Computes features (B, channels, H / 4, W / 4) of images (B, 3, H, W) whose sides are multiples of 32.

    Parameters
    ----------
    model_name
        An HRNet of timm, whose state-dict names follow the prefix ``model``.
    interpolate_branches
        Concatenate all four branches at the size of the finest; otherwise the features are the finest branch.
    increased_channel_count
        Use the branches that timm's classifier sees, with 128 to 1024 channels.
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
        """Return the finest branch, or the concatenated branches."""
        branches = self.model(images)
        finest: Tensor = branches[0]
        if not self.interpolate_branches:
            return finest
        coarse = [functional.interpolate(branch, finest.shape[-2:], mode="bilinear") for branch in branches[1:]]
        return torch.cat([finest, *coarse], 1)
