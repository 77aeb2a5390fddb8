"""Interface of a head; :class:`~dlcx.nets.model.PoseModel`, training and the predictors use nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.targets import Target
from dlcx.poses import Instances

#: The maps of one head by name, each (B, C, H, W).
Maps = dict[str, Tensor]
#: The maps of all heads, by the head's name in pytorch_config.yaml.
Outputs = dict[str, Maps]


@dataclass(frozen=True)
class HeadContext:
    """What a head is built for: facts that its block of pytorch_config.yaml does not hold.

    Parameters
    ----------
    channels
        Channels of the backbone features.
    stride
        Pixels of the network input per cell of the features.
    where
        Place of the block in the file, such as ``model.heads.bodypart``, for error messages.
    """

    channels: int
    stride: float
    where: str


@dataclass(frozen=True)
class MapDescription:
    """What the maps of a head mean, so that they can be drawn.

    Shapes: B images, C channels, K keypoints, E edges, h x w cells. Vectors are x, then y, in pixels of the network
    input, from the center of a cell.

    Parameters
    ----------
    scores
        (B, C, h, w), from 0 to 1: confidence that a keypoint is in the cell. The first channels are the keypoints.
    stride
        Pixels of the network input per cell, in x and y.
    extra_channels
        Names of the channels of ``scores`` after the keypoints.
    keypoint_offsets
        (B, C, h, w, 2): vectors to the keypoint of the channel.
    center_offsets
        (B, K, h, w, 2): vectors to the keypoints of the animal whose center is in the cell. The last channel of
        ``scores`` must be the centers.
    fields, edges
        (B, E, h, w, 2): unit vectors along the limb between two keypoints, and the E pairs of keypoints.
    """

    scores: Tensor
    stride: tuple[float, float]
    extra_channels: tuple[str, ...] = ()
    keypoint_offsets: Tensor | None = None
    center_offsets: Tensor | None = None
    fields: Tensor | None = None
    edges: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        batch, channels, *cells = self.scores.shape
        expected = {
            "keypoint_offsets": (batch, channels, *cells, 2),
            "center_offsets": (batch, channels - 1, *cells, 2),
            "fields": (batch, len(self.edges), *cells, 2),
        }
        for name, shape in expected.items():
            vectors = getattr(self, name)
            if vectors is not None and tuple(vectors.shape) != shape:
                raise ValueError(f"MapDescription.{name}: expected shape {shape}, got {tuple(vectors.shape)}")


class Head(Protocol):
    """Computes maps from the features of a backbone, and losses or animals from the maps.

    A head with a method ``keypoint_channels`` can take over weights that were trained on other keypoints; see
    :mod:`dlcx.heads.keypoint_channels`.
    """

    stride: float
    """Pixels of the network input per cell of the maps."""

    def __call__(self, features: Tensor) -> Maps:
        """Compute the maps from features (B, C, h, w)."""
        ...

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """Return the values that the maps should have, and their weights, by the map's name."""
        ...

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """Return the loss of each map and their combination, ``total_loss``."""
        ...

    def decode(self, maps: Maps) -> list[Instances]:
        """Return the animals in each of the B images, in pixels of the network input."""
        ...

    def describe(self, maps: Maps) -> MapDescription:
        """Explain the maps for drawing, as ``dlcx score-maps`` does."""
        ...


class IdentityHead(Head, Protocol):
    """A head that scores the identity of animals that another head found."""

    def identity_scores(self, maps: Maps, animals: Sequence[Instances]) -> list[Instances]:
        """Return the animals of each of the B images with their ``identity`` scores."""
        ...


def vector_maps(maps: Tensor) -> Tensor:
    """Rearrange maps (B, 2C, h, w) that alternate between x and y into vectors (B, C, h, w, 2)."""
    output: Tensor = maps.unflatten(1, (-1, 2)).movedim(2, -1)
    return output
