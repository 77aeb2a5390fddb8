"""What nets give that DeepLabCut does not know, for weights from their names: their own golden data.

``PYTHONPATH=tests python tests/nets/own_cases.py NAME`` writes the case of an installed net into its package.
"""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from fill_weights import fill_weights, noise

from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.registry import NetSpec, find
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

LAYOUT = Layout(("nose", "back", "tail"))
SIZE = (70, 93)


def case_path(spec: NetSpec) -> Path:
    """The file that a net's ``case`` names."""
    package, _, name = spec.case.partition(":")
    return Path(str(files(package))) / name


def outputs(spec: NetSpec) -> dict[str, np.ndarray]:
    """Maps of every head, ``head.map``, for made-up weights and one made-up image of a size that nothing divides."""
    model = build_model(ModelConfig.model_validate(model_config(spec.name, LAYOUT))).eval()
    fill_weights(model)
    images = torch.from_numpy(noise(spec.name, (1, 3, *SIZE)))
    with torch.inference_mode():
        found = model(images)
    return {f"{head}.{name}": value.numpy() for head, maps in found.items() for name, value in maps.items()}


if __name__ == "__main__":
    chosen = find(sys.argv[1])
    np.savez_compressed(case_path(chosen), **outputs(chosen))
    print(case_path(chosen))
