"""Backbones with two inputs: the image, and the condition, an initial pose.

Zhou et al., Rethinking pose estimation in crowds: overcoming the detection information bottleneck and ambiguity
(BUCTD, ICCV 2023), arXiv:2306.07879; the attention follows Fu et al., Dual Attention Network (CVPR 2019).
Shapes: B crops, K keypoints, conditions (B, K, 3) as x, y and score in pixels of the crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn
from torch.nn import functional

from dlcx.errors import DlcxError
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.keypoint_channels import ChannelMap, TensorChannels
from dlcx.nets.buctd.conditions import StackedKeypointEncoder
from dlcx.nets.hrnet.model import HRNet
from dlcx.nets.model import Backbone
from dlcx.nets.registry import backbone_types

DROPOUT = 0.1


class CondPreNet(nn.Module):
    """Adds an image computed from the condition to the input of another backbone (preNet).

    Parameters
    ----------
    backbone
        Block of the other backbone.
    kpt_encoder
        Block of the encoder that renders conditions.
    img_size
        Height and width of the crops.
    """

    wrapped_network = "backbone"

    def __init__(
        self, backbone: Mapping[str, Any], kpt_encoder: Mapping[str, Any], img_size: Sequence[int] = (256, 256)
    ) -> None:
        super().__init__()
        self.encoder = _encoder(kpt_encoder, img_size)
        inner = {key: value for key, value in backbone.items() if key not in ("freeze_bn_stats", "freeze_bn_weights")}
        inner.pop("pretrained", None)
        self.backbone: nn.Module = build_from_config(inner, backbone_types(), "model.backbone.backbone")
        facts = cast(Backbone, self.backbone)
        self.stride, self.channels = facts.stride, facts.channels
        self.rgb_preNet = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.Conv2d(64, 3, 7, padding=3), nn.BatchNorm2d(3)
        )
        self.cond_preNet = nn.Sequential(nn.Conv2d(self.encoder.channels, 3, 7, padding=3), nn.BatchNorm2d(3))
        for layer in (*self.rgb_preNet, *self.cond_preNet):
            if isinstance(layer, nn.Conv2d):
                _initialize_small(layer)

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Compute features of normalized crops (B, 3, H, W) and conditions (B, K, 3)."""
        condition_maps = self.encoder(conditions, _size(images))
        output: Tensor = self.backbone(self.rgb_preNet(images) + self.cond_preNet(condition_maps))
        return output

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the condition maps, one per keypoint; see :mod:`dlcx.heads.keypoint_channels`."""
        return {"cond_preNet.0.weight": {1: keypoints}}


class HRNetCoAM(nn.Module):
    """HRNet whose branches attend to the condition (CoAM).

    Parameters
    ----------
    kpt_encoder
        Block of the encoder that renders conditions.
    base_model_name
        An HRNet of timm.
    coam_modules
        Where attention is added: after the transitions 1 to 3, or 4 for the end of the network.
    channel_att_only
        Leave out the attention between positions.
    att_heads
        Number of attention heads; only 1 is supported.
    img_size
        Width and height of the crops. The attention layers fit only this size.

    Raises
    ------
    DlcxError
        If ``att_heads`` or ``coam_modules`` are not supported.
    """

    model: Any

    wrapped_network = "model"

    def __init__(
        self,
        kpt_encoder: Mapping[str, Any],
        base_model_name: str = "hrnet_w32",
        coam_modules: Sequence[int] = (2,),
        channel_att_only: bool = False,
        att_heads: int = 1,
        img_size: Sequence[int] = (256, 256),
    ) -> None:
        super().__init__()
        hrnet = HRNet(base_model_name)
        self.model, self.stride = hrnet.model, hrnet.stride
        for key, got, is_supported in (
            ("att_heads", att_heads, att_heads == 1),
            ("coam_modules", list(coam_modules), set(coam_modules) <= {1, 2, 3, 4}),
        ):
            if not is_supported:
                expected = "1" if key == "att_heads" else "some of 1, 2, 3, 4"
                raise DlcxError(f"model.backbone.{key}: expected {expected}, got {got}")
        self.encoder = _encoder(kpt_encoder, img_size)
        width, height = img_size
        self.img_size = height, width
        channels = self.model.feature_info.channels()
        self.channels = channels[0]
        sizes = [(height // (4 << branch), width // (4 << branch)) for branch in range(len(channels))]
        self.coam_stages = nn.ModuleDict()
        for number in sorted(coam_modules):
            branches = 1 if number == 4 else number + 1
            self.coam_stages[str(number - 1)] = ConditionalAttention(
                channels[:branches], sizes[:branches], self.encoder.channels, channels_only=channel_att_only
            )

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Compute the finest branch for normalized crops (B, 3, H, W) and conditions (B, K, 3)."""
        if _size(images) != self.img_size:
            height, width = self.img_size
            raise DlcxError(
                f"the network expects crops of {width} x {height} pixels, got {images.shape[3]} x {images.shape[2]}",
                hint="Set data.train.top_down_crop and data.inference.top_down_crop to that size.",
            )
        condition_maps = self.encoder(conditions, _size(images))
        net = self.model
        x = net.act2(net.bn2(net.conv2(net.act1(net.bn1(net.conv1(images))))))
        branches = self._attend(0, [step(net.layer1(x)) for step in net.transition1], condition_maps)
        for number, (stage, transition) in enumerate(
            ((net.stage2, net.transition2), (net.stage3, net.transition3)), start=1
        ):
            branches = stage(branches)
            branches = [
                branches[index] if isinstance(step, nn.Identity) else step(branches[-1])
                for index, step in enumerate(transition)
            ]
            branches = self._attend(number, branches, condition_maps)
        return self._attend(3, net.stage4(branches)[:1], condition_maps)[0]

    def keypoint_channels(self, keypoints: ChannelMap, block: Mapping[str, Any] | None) -> TensorChannels:
        """Locate the condition maps, one per keypoint; see :mod:`dlcx.heads.keypoint_channels`."""
        rows: TensorChannels = {}
        for name, module in self.coam_stages.named_modules(prefix="coam_stages"):
            if isinstance(module, ConditionalPositionAttention):
                rows |= {
                    f"{name}.cnn_cond.weight": {0: keypoints, 1: keypoints},
                    f"{name}.cnn_cond.bias": {0: keypoints},
                    f"{name}.pa.fc_q.weight": {1: keypoints},
                }
            elif isinstance(module, ConditionalChannelAttention):
                rows[f"{name}.cnn_cond.weight"] = {1: keypoints}
        return rows

    def _attend(self, stage: int, branches: list[Tensor], condition_maps: Tensor) -> list[Tensor]:
        name = str(stage)
        return self.coam_stages[name](branches, condition_maps) if name in self.coam_stages else branches


class ConditionalAttention(nn.Module):
    """Conditional attention module (CoAM) of all branches of HRNet."""

    def __init__(
        self, channels: Sequence[int], sizes: Sequence[tuple[int, int]], keypoints: int, *, channels_only: bool
    ) -> None:
        super().__init__()
        self.att_layers = nn.ModuleList(
            DualAttention(width, size, keypoints, channels_only=channels_only)
            for width, size in zip(channels, sizes, strict=True)
        )

    def forward(self, branches: Sequence[Tensor], condition_maps: Tensor) -> list[Tensor]:
        """Return branches (B, C, h, w) of the same shapes, given condition maps (B, K, H, W)."""
        return [layer(branch, condition_maps) for layer, branch in zip(self.att_layers, branches, strict=True)]


class DualAttention(nn.Module):
    """Attention between the positions and between the channels of one branch, with queries from the condition."""

    def __init__(self, channels: int, size: tuple[int, int], keypoints: int, *, channels_only: bool) -> None:
        super().__init__()
        self.position_attention_module = None if channels_only else ConditionalPositionAttention(channels, keypoints)
        self.channel_attention_module = ConditionalChannelAttention(channels, size, keypoints)

    def forward(self, x: Tensor, condition_maps: Tensor) -> Tensor:
        """Return features of the shape of ``x``, (B, C, h, w), given condition maps (B, K, H, W)."""
        condition = functional.interpolate(condition_maps, _size(x), mode="bilinear", antialias=True)
        channel = self.channel_attention_module(x, condition)
        if self.position_attention_module is None:
            output: Tensor = x * channel
        else:
            output = x + (self.position_attention_module(x, condition) + channel)
        return output


class ConditionalPositionAttention(nn.Module):
    """Attention between positions: queries come from the condition, keys and values from the features."""

    def __init__(self, channels: int, keypoints: int) -> None:
        super().__init__()
        self.cnn = nn.Conv2d(channels, channels, 3, padding=1)
        self.pa = nn.ModuleDict(
            {
                "fc_q": _initialize_small(nn.Linear(keypoints, channels)),
                "fc_k": _initialize_small(nn.Linear(channels, channels)),
                "fc_v": _initialize_small(nn.Linear(channels, channels)),
                "fc_o": _initialize_small(nn.Linear(channels, channels)),
            }
        )
        self.cnn_cond = nn.Conv2d(keypoints, keypoints, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return features of the shape of ``x``, (B, C, h, w), given the condition (B, K, h, w)."""
        y = self.cnn(x).flatten(2).mT  # (B, hw, C)
        queries = self.cnn_cond(condition).flatten(2).mT  # (B, hw, K)
        attended = _attention(self.pa["fc_q"](queries), self.pa["fc_k"](y), self.pa["fc_v"](y), self.training)
        output: Tensor = self.pa["fc_o"](attended).mT.unflatten(2, _size(x))
        return output


class ConditionalChannelAttention(nn.Module):
    """Attention between channels with queries from the condition, then a linear layer over positions."""

    def __init__(self, channels: int, size: tuple[int, int], keypoints: int) -> None:
        super().__init__()
        self.cnn = nn.Conv2d(channels, channels, 3, padding=1)
        self.cnn_cond = nn.Conv2d(keypoints, channels, 3, padding=1)
        cells = size[0] * size[1]
        self.pa = nn.ModuleDict({"fc_o": _initialize_small(nn.Linear(cells, cells))})

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return features of the shape of ``x``, (B, C, h, w), given the condition (B, K, h, w)."""
        y = self.cnn(x).flatten(2)  # (B, C, hw)
        attended = _attention(self.cnn_cond(condition).flatten(2), y, y, self.training)
        output: Tensor = self.pa["fc_o"](attended).unflatten(2, _size(x))
        return output


def _attention(query: Tensor, key: Tensor, value: Tensor, training: bool) -> Tensor:
    """Scaled dot-product attention of tensors (B, N, C), with a head dimension that the ONNX exporter requires."""
    rate = DROPOUT if training else 0.0
    attended = functional.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], dropout_p=rate)
    return attended[:, 0]


def _encoder(block: Mapping[str, Any], img_size: Sequence[int]) -> StackedKeypointEncoder:
    kinds = {"StackedKeypointEncoder": StackedKeypointEncoder}
    result: StackedKeypointEncoder = build_from_config(block, kinds, "model.backbone.kpt_encoder", img_size=img_size)
    return result


def _size(maps: Tensor) -> tuple[int, int]:
    return maps.shape[2], maps.shape[3]


def _initialize_small(layer: Any) -> Any:
    """Initialize weights from N(0, 0.001) and biases with 0."""
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)
    return layer
