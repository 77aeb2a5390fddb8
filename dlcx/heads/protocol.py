"""What every head can do; PoseModel, the training loop and the predictors know no more of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from dlcx.heads.batch_labels import BatchLabels
from dlcx.heads.targets import Target
from dlcx.poses import Instances

#: The maps of one head by name, each (B, C, H, W).
Maps = dict[str, Tensor]
#: The maps of all heads, by the head's name in pytorch_config.yaml.
Outputs = dict[str, Maps]


class Head(Protocol):
    """From backbone features to maps, and from maps to losses or animals.

    A head may also have ``keypoint_channels``, so that its weights can be moved to other keypoints; see
    :mod:`dlcx.heads.keypoint_channels`.  Scores in maps called ``heatmap``, or ``x`` and ``y``, can be drawn; see
    :mod:`dlcx.predictors.maps`.
    """

    stride: float
    """Pixels of the network input a cell of its maps stands for."""

    def __call__(self, features: Tensor) -> Maps:
        """Maps of features (B, C, h, w)."""
        ...

    def targets(self, maps: Maps, labels: BatchLabels) -> dict[str, Target]:
        """What the maps should be."""
        ...

    def loss(self, maps: Maps, labels: BatchLabels) -> dict[str, Tensor]:
        """The loss of each map and, as ``total_loss``, the head's."""
        ...

    def decode(self, maps: Maps) -> list[Instances]:
        """The animals in each of the B images, in pixels of the network input."""
        ...


class IdentityHead(Head, Protocol):
    """A head that says who the animals are which another one found."""

    def identity_scores(self, maps: Maps, animals: Sequence[Instances]) -> list[Instances]:
        """The animals of each of the B images, with ``identity``."""
        ...
