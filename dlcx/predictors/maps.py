"""What a net sees in an image and what its heads answer, as arrays to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlcx.errors import DlcxError
from dlcx.nets.model import PoseModel
from dlcx.poses import Instances
from dlcx.predictors.bottom_up import BottomUp
from dlcx.predictors.predictor import checked
from dlcx.predictors.preprocessing import MEAN, STD, Scaling
from dlcx.predictors.top_down import TopDown


@dataclass(frozen=True)
class HeadMaps:
    """The maps of one head on one row: scores (C, h, w) from 0 to 1, where the net is sure that a keypoint is.

    locref (C, h, w, 2): from the middle of a cell to the keypoint, in pixels of the network input; fields (E, h, w, 2)
    with ``edges``, the pairs of keypoints that each one leads between; ways (K, h, w, 2): from the middle of a cell to
    the keypoints of the animal whose centre, the last of ``scores``, is there.  ``stride`` pixels a cell, in x and y.
    """

    scores: np.ndarray
    stride: tuple[float, float]
    locref: np.ndarray | None = None
    fields: np.ndarray | None = None
    edges: tuple[tuple[int, int], ...] = ()
    ways: np.ndarray | None = None


@dataclass(frozen=True)
class Seen:
    """One row that a net sees: its input (h, w, 3) as uint8 RGB, and the maps of its heads by name."""

    image: np.ndarray
    heads: dict[str, HeadMaps]


@torch.inference_mode()
def see(predictor: BottomUp | TopDown, image: np.ndarray, guesses: Instances | None = None) -> list[Seen]:
    """What the net sees of an image (H, W, 3) uint8 RGB: once, or once a box of a top-down or conditional net.

    Raises
    ------
    DlcxError
        When a head gives maps of a kind that cannot be drawn.
    """
    rows = predictor.inputs(image[None], None if guesses is None else [guesses])
    if not len(rows):
        return []
    outputs = checked(predictor.engine(*rows.tensors))
    images = _pixels(rows.tensors[0], predictor.preparation.scaling)
    heads = {name: _head_maps(predictor.model, name, maps, images.shape[1:3]) for name, maps in outputs.items()}
    return [Seen(images[row], {name: maps[row] for name, maps in heads.items()}) for row in range(len(rows))]


def _pixels(tensor: Tensor, scaling: Scaling) -> np.ndarray:
    """Network input (R, 3, h, w) as images (R, h, w, 3) uint8."""
    pixels = tensor.float().cpu().permute(0, 2, 3, 1)
    if scaling.unit:
        pixels = pixels * 255
    if scaling.normalize:
        pixels = (pixels * torch.tensor(STD) + torch.tensor(MEAN)) * 255
    return pixels.round().clamp(0, 255).to(torch.uint8).numpy()


def _head_maps(model: PoseModel, name: str, maps: dict[str, Tensor], size: Sequence[int]) -> list[HeadMaps]:
    """The maps of one head, row by row; ``size`` (h, w) is that of the network input."""
    head: Any = model.heads[name]
    decoder = getattr(head, "decoder", None)
    stride: tuple[float, float]
    if "heatmap" in maps:
        scores = maps["heatmap"].float()
        scores = scores.sigmoid() if getattr(decoder, "sigmoid", False) else scores.clamp(0, 1)
        stride = (float(head.stride), float(head.stride))  # the last cells may reach beyond the input
    elif {"x", "y"} <= set(maps):  # SimCC: a keypoint is where its best x and its best y cross
        x, y = (_bins(maps[axis].float()) for axis in "xy")
        scores = y[..., :, None] * x[..., None, :]
        stride = (size[1] / scores.shape[-1], size[0] / scores.shape[-2])
    else:
        raise DlcxError(
            f"the head '{name}' ({type(head).__name__}) gives maps that cannot be drawn: {', '.join(maps) or 'none'}",
            hint="Maps 'heatmap' (B, K, h, w), or 'x' and 'y' (B, K, bins), can be.",
        )
    locref = fields = None
    if "locref" in maps:
        locref = _vectors(maps["locref"].float() * getattr(decoder, "locref_std", 1.0))
    edges: tuple[tuple[int, int], ...] = ()
    if "paf" in maps and hasattr(decoder, "graph"):
        kept = list(getattr(decoder, "edges", range(maps["paf"].shape[1] // 2)))
        fields = _vectors(maps["paf"].float())[:, kept]
        edges = tuple(tuple(decoder.graph[edge]) for edge in kept)  # type: ignore[union-attr]
    ways = None
    if "offset" in maps:  # DEKR's lead from the keypoint to the cell, in cells
        ways = _vectors(maps["offset"].float()) * -np.array(stride, np.float32)
    table = scores.cpu().numpy()
    return [
        HeadMaps(
            table[row],
            stride,
            None if locref is None else locref[row],
            None if fields is None else fields[row],
            edges,
            None if ways is None else ways[row],
        )
        for row in range(len(table))
    ]


def _bins(logits: Tensor) -> Tensor:
    """How likely each bin is (R, K, N), compared with the likeliest."""
    likely = logits.softmax(-1)
    return likely / likely.amax(-1, keepdim=True)


def _vectors(maps: Tensor) -> np.ndarray:
    """Maps (R, 2C, h, w) of x and y in turn as (R, C, h, w, 2)."""
    rows, channels, height, width = maps.shape
    return maps.reshape(rows, channels // 2, 2, height, width).permute(0, 1, 3, 4, 2).cpu().numpy()
