"""DLCRNet backbone: ResNet-50 whose last features are concatenated with finer features of its first stages.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dlcx.nets.resnet.model import ResNet

#: Channels added by each of the finer stages.
ADDED = 128


class DLCRNet(ResNet):
    """Computes features (B, 2304, H / stride, W / stride) of images (B, 3, H, W): fine, middle and last features.

    No gradients flow through the fine features (stride 4) and the middle features (stride 8) into the ResNet.
    """

    def __init__(
        self,
        model_name: str = "resnet50",
        output_stride: int = 32,
        drop_path_rate: float = 0.0,
        drop_block_rate: float = 0.0,
    ) -> None:
        super().__init__(model_name, output_stride, drop_path_rate, drop_block_rate)
        fine, middle = (stage["num_chs"] for stage in self.model.feature_info[1:3])
        self.conv_block1 = _block(middle, 512, 3, 2)
        self.conv_block2 = _block(512, ADDED, 1, 1)
        self.conv_block3 = _block(fine, 256, 3, 2)
        self.conv_block4 = _block(256, 256, 3, 2)
        self.conv_block5 = _block(256, ADDED, 1, 1)
        self.channels += 2 * ADDED

    def forward(self, images: Tensor) -> Tensor:
        """Return the concatenated features of three stages."""
        net = self.model
        fine = net.layer1(net.maxpool(net.act1(net.bn1(net.conv1(images)))))
        middle = net.layer2[:3](fine)
        last = net.layer4(net.layer3(net.layer2[3:](middle)))
        added_fine = self.conv_block5(self.conv_block4(self.conv_block3(fine.detach())))
        added_middle = self.conv_block2(self.conv_block1(middle.detach()))
        return torch.cat([_resized(added_fine, last), _resized(added_middle, last), last], 1)


def _block(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    """Convolution without padding, batch norm with slowly updated statistics, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride), nn.BatchNorm2d(out_channels, momentum=0.001), nn.ReLU()
    )


def _resized(features: Tensor, like: Tensor) -> Tensor:
    """Resize features to the size of others."""
    return functional.interpolate(features, like.shape[-2:], mode="bilinear", antialias=True)
