"""Losses of maps: element-wise, weighted, averaged over what counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_count
from dlcx.heads.targets import Target

Elementwise = Callable[[Tensor, Tensor], Tensor]


def squared(output: Tensor, target: Tensor) -> Tensor:
    """(output - target)^2, element by element."""
    return functional.mse_loss(output, target, reduction="none")


def huber(output: Tensor, target: Tensor) -> Tensor:
    """Quadratic up to a difference of 1, linear beyond."""
    return functional.huber_loss(output, target, reduction="none")


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy of logits."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


@dataclass(frozen=True)
class Criterion:
    """sum(loss * weights) / number of non-zero weights (0 when there are none), and its share in the head's loss."""

    elementwise: Elementwise
    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32, whatever precision the output has."""
        loss = self.elementwise(output.float(), target.values)
        weights = target.weights.expand_as(loss)
        return (loss * weights).sum() / batch_count(weights.count_nonzero())


class Loss(Protocol):
    """What a head's map is trained by: a scalar, and its share in the head's loss."""

    @property
    def weight(self) -> float:
        """Factor in the head's loss."""
        ...

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """A scalar in float32."""
        ...


def head_loss(
    maps: Mapping[str, Tensor], targets: Mapping[str, Target], criteria: Mapping[str, Loss]
) -> dict[str, Tensor]:
    """Each map's own loss, and ``total_loss`` = the mean over the criteria of weight * loss."""
    losses = {name: criterion(maps[name], targets[name]) for name, criterion in criteria.items()}
    weighted = [criterion.weight * losses[name] for name, criterion in criteria.items()]
    return {**losses, "total_loss": sum(weighted[1:], weighted[0]) / len(weighted)}


def _weighted(elementwise: Elementwise) -> Callable[..., Criterion]:
    def build(weight: float = 1.0) -> Criterion:
        return Criterion(elementwise, weight)

    return build


#: ``type`` of a block ``criterion.<map>`` in pytorch_config.yaml.
CRITERIA: dict[str, Callable[..., Criterion]] = {
    "WeightedMSECriterion": _weighted(squared),
    "WeightedHuberCriterion": _weighted(huber),
    "WeightedBCECriterion": _weighted(cross_entropy),
}
