"""What a loss divides by where several processes share a batch out among themselves.

The loss of a batch is then the sum over processes of ``fraction`` times each one's loss.  That holds for a plain mean
over images as it stands; a mean over what counts divides by :func:`count_of_batch`, and a sum by :func:`fraction`.
Alone, that is the count itself, and 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from torch import Tensor


class BatchShare(Protocol):
    """The images that one process has of a batch."""

    fraction: float
    """Which part of the batch they are; above 0."""

    def total(self, count: Tensor) -> Tensor:
        """The sum of a scalar over all processes; every one of them must ask."""
        ...


_SHARE: ContextVar[BatchShare | None] = ContextVar("share", default=None)


@contextmanager
def sharing(share: BatchShare) -> Iterator[None]:
    """Let the losses of the body be those of a share."""
    token = _SHARE.set(share)
    try:
        yield
    finally:
        _SHARE.reset(token)


def count_of_batch(count: Tensor) -> Tensor:
    """What counts in the whole batch, at least 1, in units of this process's share; ``count`` is the share's own."""
    share = _SHARE.get()
    return count.clamp(min=1) if share is None else share.total(count).clamp(min=1) * share.fraction


def fraction() -> float:
    """Which part of the batch this process has."""
    share = _SHARE.get()
    return 1.0 if share is None else share.fraction
