"""ResNet backbone: timm's network without pooling and classifier.

He et al., Deep Residual Learning for Image Recognition (CVPR 2016).
"""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from dlcx.errors import DlcxError, did_you_mean


class ResNet(nn.Module):
    """Computes features (B, channels, H / stride, W / stride) of images (B, 3, H, W).

    Parameters
    ----------
    model_name
        A ResNet of timm, whose state-dict names follow the prefix ``model``.
    output_stride
        Pixels of the image per cell of the features: 8, 16 or 32.
    drop_path_rate, drop_block_rate
        Rates of stochastic depth and of DropBlock.
    """

    model: Any

    def __init__(
        self,
        model_name: str = "resnet50",
        output_stride: int = 32,
        drop_path_rate: float = 0.0,
        drop_block_rate: float = 0.0,
    ) -> None:
        super().__init__()
        names = timm.list_models("resnet*")
        if model_name.split(".")[0] not in names:
            raise DlcxError(
                f"model.backbone.model_name: no ResNet '{model_name}'", hint=did_you_mean(model_name, names)
            )
        if output_stride not in (8, 16, 32):
            raise DlcxError(f"model.backbone.output_stride: expected 8, 16 or 32, got {output_stride}")
        self.model = timm.create_model(
            model_name,
            output_stride=output_stride,
            drop_path_rate=drop_path_rate,
            drop_block_rate=drop_block_rate,
            num_classes=0,
            global_pool="",
        )
        self.timm_name = model_name
        self.stride = output_stride
        self.channels = self.model.num_features

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of the last stage."""
        output: Tensor = self.model.forward_features(images)
        return output
