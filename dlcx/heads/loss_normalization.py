"""Normalization of losses when several processes share a batch (distributed training).

The loss of the whole batch is the sum over processes of ``fraction`` times each process's loss. A plain mean over
images satisfies this as it is. A mean over selected elements divides by :func:`batch_count`, and a sum by
:func:`batch_fraction`. With a single process these are the count itself and 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from torch import Tensor


class LossNormalizer(Protocol):
    """One process's portion of a batch."""

    fraction: float
    """Portion of the batch's images, above 0 and at most 1."""

    def total(self, count: Tensor) -> Tensor:
        """Sum of a scalar over all processes. A collective operation: every process must call it."""
        ...


_NORMALIZER: ContextVar[LossNormalizer | None] = ContextVar("normalizer", default=None)


@contextmanager
def normalize_losses(normalizer: LossNormalizer) -> Iterator[None]:
    """Normalize the losses computed in the ``with`` block for one process's portion of a batch."""
    token = _NORMALIZER.set(normalizer)
    try:
        yield
    finally:
        _NORMALIZER.reset(token)


def batch_count(count: Tensor) -> Tensor:
    """Scale a count of this process to the whole batch.

    Parameters
    ----------
    count
        Scalar, the number of elements that this process's loss is summed over.

    Returns
    -------
    Tensor
        Scalar: the count over all processes, at least 1, times this process's fraction of the batch.
    """
    normalizer = _NORMALIZER.get()
    if normalizer is None:
        return count.clamp(min=1)
    return normalizer.total(count).clamp(min=1) * normalizer.fraction


def batch_fraction() -> float:
    """Return this process's fraction of the batch; 1 outside of distributed training."""
    normalizer = _NORMALIZER.get()
    return 1.0 if normalizer is None else normalizer.fraction
