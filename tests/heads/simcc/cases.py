"""A SimCC head and labels for the tests."""

import numpy as np
import torch

from dlcx.heads import HEADS
from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.protocol import HeadContext
from dlcx.heads.simcc.head import SimCCHead
from dlcx.nets.blocks import simcc_head


def head(crop=(64, 96), keypoints=3, **changes) -> SimCCHead:
    """A head on 8 features of stride 32; ``changes`` replace keys of its block, mappings in it are merged."""
    block = simcc_head(8, keypoints, crop=(256, 256))
    block |= {"input_size": list(crop), "in_featuremap_size": [side // 32 for side in crop]}
    block["target_generator"] = {**block["target_generator"], "input_size": list(crop)}
    for key, value in changes.items():
        block[key] = {**block[key], **value} if isinstance(value, dict) else value
    return build_from_config(block, HEADS, "HEAD", context=HeadContext(channels=8, stride=32, where="HEAD"))


def labels(keypoints: np.ndarray) -> BatchLabels:
    count = len(keypoints)
    return BatchLabels(
        keypoints=torch.as_tensor(keypoints, dtype=torch.float32),
        unique=torch.zeros(count, 0, 3),
        area=torch.ones(count, 1),
        individual_ids=torch.zeros(count, 1, dtype=torch.int64),
    )
