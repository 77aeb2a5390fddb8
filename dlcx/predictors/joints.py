"""All that a net with part-affinity fields sees before animals are built: joints and how well pairs of them fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dlcx.heads.paf.decoding import PafDecoder
from dlcx.heads.paf.linking import JointDetections
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.predictor import checked


@torch.inference_mode()
def detect_joints(predictor: BottomUp, decoder: PafDecoder, images: np.ndarray) -> list[JointDetections]:
    """Joints in pixels of the images (B, H, W, 3) uint8 RGB, and the affinities of the decoder's edges."""
    rows = predictor.inputs(images)
    maps = checked(predictor.engine(*rows.tensors))["bodypart"]
    found = decoder.detect(maps, predictor.model.stride(), decoder.assembler.max_joints)
    return [replace(one, xy=place.to_image(one.xy)) for place, one in zip(rows.geometries, found, strict=True)]
