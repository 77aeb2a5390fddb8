"""Joints and the affinities of their pairs, as a network with part-affinity fields predicts them before assembly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dlcx.heads.paf.decoding import PafDecoder
from dlcx.heads.paf.linking import JointDetections
from dlcx.nets.model import check_outputs
from dlcx.predictors.bottom_up import BottomUp


@torch.inference_mode()
def detect_joints(predictor: BottomUp, decoder: PafDecoder, images: np.ndarray) -> list[JointDetections]:
    """Detect joints.

    Parameters
    ----------
    predictor
        A predictor whose head ``bodypart`` has part-affinity fields.
    decoder
        Finds the joints, and the affinities for the edges that it uses.
    images
        (B, H, W, 3) uint8 RGB.

    Returns
    -------
    list of JointDetections
        One per image, in pixels of the images.
    """
    inputs = predictor.inputs(images)
    maps = check_outputs(predictor.engine(*inputs.tensors))["bodypart"]
    found = decoder.detect(maps, predictor.model.stride(), decoder.assembler.max_joints)
    return [replace(one, xy=geometry.to_image(one.xy)) for geometry, one in zip(inputs.geometries, found, strict=True)]
