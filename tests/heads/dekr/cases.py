"""A DEKR head, labels and golden records for the tests."""

import json

import numpy as np
import torch

from dlcx.heads import HEADS
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.dekr.head import DekrHead
from dlcx.heads.protocol import HeadContext
from dlcx.nets.configure import model_config
from dlcx.poses import Layout

LAYOUT = Layout(("a", "b", "c", "d"), ("x", "y", "z"), multi=True)


def head(**changes) -> DekrHead:
    """dekr_w18's head on its 270 features; ``changes`` replace keys of its block, mappings in it are merged."""
    block = model_config("dekr_w18", LAYOUT)["model"]["heads"]["bodypart"]
    for key, value in changes.items():
        block[key] = {**block[key], **value} if isinstance(value, dict) else value
    return build_from_config(block, HEADS, "HEAD", context=HeadContext(channels=270, stride=4, where="HEAD"))


def labels(keypoints: np.ndarray, area: np.ndarray | None = None) -> BatchLabels:
    shape = keypoints.shape[:2]
    return BatchLabels(
        keypoints=torch.as_tensor(keypoints, dtype=torch.float32),
        unique=torch.zeros(shape[0], 0, 3),
        area=torch.ones(shape) if area is None else torch.from_numpy(area),
        individual_ids=torch.zeros(shape, dtype=torch.int64),
    )


def records(golden, place: str, key: str, start: str) -> list[dict]:
    found = json.loads((golden / place).read_text())
    return [record for record in found if str(record.get(key, "")).startswith(start)]
