"""Losses of maps: element-wise, weighted, averaged over the elements with a weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from torch.nn import functional

from dlcx.heads.loss_normalization import batch_count
from dlcx.heads.targets import Target

ElementwiseLoss = Callable[[Tensor, Tensor], Tensor]


def squared(output: Tensor, target: Tensor) -> Tensor:
    """Return (output - target)^2, element by element."""
    return functional.mse_loss(output, target, reduction="none")


def huber(output: Tensor, target: Tensor) -> Tensor:
    """Return the Huber loss, quadratic up to a difference of 1 and linear beyond, element by element."""
    return functional.huber_loss(output, target, reduction="none")


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross entropy of logits, element by element."""
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


@dataclass(frozen=True)
class Criterion:
    """Weighted mean of an element-wise loss: sum(loss * weights) / number of non-zero weights, or 0 if there are none.

    Parameters
    ----------
    elementwise
        Loss of each element.
    weight
        Factor of this criterion in the loss of the head.
    """

    elementwise: ElementwiseLoss
    weight: float = 1.0

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """Return a float32 scalar for an output of any precision."""
        loss = self.elementwise(output.float(), target.values)
        weights = target.weights.expand_as(loss)
        return (loss * weights).sum() / batch_count(weights.count_nonzero())


class Loss(Protocol):
    """Loss of one map."""

    @property
    def weight(self) -> float:
        """Factor in the loss of the head."""
        ...

    def __call__(self, output: Tensor, target: Target) -> Tensor:
        """Return a float32 scalar."""
        ...


def head_loss(
    maps: Mapping[str, Tensor], targets: Mapping[str, Target], criteria: Mapping[str, Loss]
) -> dict[str, Tensor]:
    """Compute the loss of a head.

    Parameters
    ----------
    maps, targets
        Outputs and targets by the map's name.
    criteria
        Loss of each map to be trained.

    Returns
    -------
    dict
        The unweighted loss of each map, and ``total_loss``: the mean over the criteria of weight * loss.
    """
    losses = {name: criterion(maps[name], targets[name]) for name, criterion in criteria.items()}
    weighted = [criterion.weight * losses[name] for name, criterion in criteria.items()]
    return {**losses, "total_loss": sum(weighted[1:], weighted[0]) / len(weighted)}


def _weighted(elementwise: ElementwiseLoss) -> Callable[..., Criterion]:
    def build(weight: float = 1.0) -> Criterion:
        return Criterion(elementwise, weight)

    return build


#: ``type`` of a block ``criterion.<map>`` in pytorch_config.yaml.
CRITERIA: dict[str, Callable[..., Criterion]] = {
    "WeightedMSECriterion": _weighted(squared),
    "WeightedHuberCriterion": _weighted(huber),
    "WeightedBCECriterion": _weighted(cross_entropy),
}
