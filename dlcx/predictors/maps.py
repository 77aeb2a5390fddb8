"""The network's input and the maps of its heads as arrays, for drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.heads.protocol import Maps
from dlcx.nets.model import PoseModel, check_outputs
from dlcx.poses import Instances
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.preprocessing import MEAN, STD, Scaling
from dlcx.predictors.top_down import TopDown


@dataclass(frozen=True)
class HeadMaps:
    """The maps of one head for one image or crop; the fields are those of :class:`dlcx.heads.protocol.MapDescription`.

    Shapes are without the batch dimension: ``scores`` (C, h, w), ``keypoint_offsets`` (C, h, w, 2), ``center_offsets``
    (K, h, w, 2), ``fields`` (E, h, w, 2).
    """

    scores: np.ndarray
    stride: tuple[float, float]
    extra_channels: tuple[str, ...] = ()
    keypoint_offsets: np.ndarray | None = None
    center_offsets: np.ndarray | None = None
    fields: np.ndarray | None = None
    edges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class InputMaps:
    """One image or crop as the network sees it, (h, w, 3) uint8 RGB, and the maps of each head by name."""

    image: np.ndarray
    heads: dict[str, HeadMaps]


@torch.inference_mode()
def compute_maps(
    predictor: BottomUp | TopDown, image: np.ndarray, conditions: Instances | None = None
) -> list[InputMaps]:
    """Compute the maps of an image.

    Parameters
    ----------
    predictor
        The network and its preprocessing.
    image
        (H, W, 3) uint8 RGB.
    conditions
        Boxes for a top-down network or poses for a conditional one, in pixels of the image; None to detect them.

    Returns
    -------
    list of InputMaps
        One for a bottom-up network, otherwise one per box or pose.

    Raises
    ------
    DlcxError
        If a head does not describe its maps.
    """
    rows = predictor.inputs(image[None], None if conditions is None else [conditions])
    if not len(rows):
        return []
    outputs = check_outputs(predictor.engine(*rows.tensors))
    images = _pixels(rows.tensors[0], predictor.preprocessing.scaling)
    heads = {name: _head_maps(predictor.model, name, maps) for name, maps in outputs.items()}
    return [InputMaps(images[row], {name: maps[row] for name, maps in heads.items()}) for row in range(len(rows))]


def _pixels(tensor: Tensor, scaling: Scaling) -> np.ndarray:
    """Convert network input (R, 3, h, w) back to images (R, h, w, 3) uint8."""
    pixels = tensor.float().cpu().permute(0, 2, 3, 1)
    if scaling.unit:
        pixels = pixels * 255
    if scaling.normalize:
        pixels = (pixels * torch.tensor(STD) + torch.tensor(MEAN)) * 255
    return pixels.round().clamp(0, 255).to(torch.uint8).numpy()


def _head_maps(model: PoseModel, name: str, maps: Maps) -> list[HeadMaps]:
    """Ask a head what its maps mean, and split the batch."""
    head = model.head(name)
    if not hasattr(head, "describe"):  # a head of another package, written for an older version
        raise DlcxError(
            f"the maps of the head '{name}' ({type(head).__name__}) cannot be drawn",
            hint="Add a method describe(maps) to the head; see docs/adding-a-head.md.",
        )
    described = head.describe(maps)
    vectors = {key: getattr(described, key) for key in ("keypoint_offsets", "center_offsets", "fields")}
    arrays = {key: value.float().cpu().numpy() for key, value in vectors.items() if value is not None}
    return [
        HeadMaps(
            scores,
            described.stride,
            described.extra_channels,
            edges=described.edges,
            **{key: array[row] for key, array in arrays.items()},
        )
        for row, scores in enumerate(described.scores.float().cpu().numpy())
    ]
