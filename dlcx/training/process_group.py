"""The processes that train one network together; this class describes a single process.

Each process holds the whole network and computes a shard of every batch and of the test images. Decisions are made
together, and the first process writes the files. No other code needs to know how many processes there are:
:func:`dlcx.training.join_process_group.join_process_group` returns this class for a single process and
:class:`dlcx.training.torch_process_group.TorchProcessGroup` for several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from dlcx.stopping import StopRequest

if TYPE_CHECKING:
    from torch import Tensor

Item = TypeVar("Item")
Found = TypeVar("Found")


class ProcessGroup:
    """A single process. In a group of several, every process must call each method."""

    rank = 0
    count = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and messages."""
        return self.rank == 0

    def device(self, name: str, *, preferred: str = "auto", net_type: str = "") -> str:
        """Return the device of this process for ``--device``; ``auto`` stands for ``preferred``."""
        return name

    def shard(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items of this process: every ``count``-th one."""
        return items[self.rank :: self.count]

    def all_gather(self, own: list[Item]) -> list[Item]:
        """Return the results of all processes, in the order of the unsharded items."""
        return own

    def all_reduce_mean(self, values: Tensor) -> Tensor:
        """Return the mean of each value over the processes."""
        return values

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """Return the sum of each value over the processes."""
        return values

    def all_reduce_max(self, values: Sequence[int]) -> tuple[int, ...]:
        """Return the maximum of each value over the processes."""
        return tuple(values)

    def broadcast(self, found: Found) -> Found:
        """Return the value of the first process."""
        return found

    def stop_requested(self, stop: StopRequest) -> bool:
        """Return whether any process received a signal to stop; afterwards all processes know the signal."""
        return bool(stop)

    def barrier(self) -> None:
        """Wait until all processes get here."""
