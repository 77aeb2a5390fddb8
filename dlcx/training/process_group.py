"""Several processes that train one net together, as ``torchrun`` starts them, or one alone.

Each process holds the whole network and takes its stage of every batch and of the test images; decisions are shared by
all of them, and the first one writes.  :func:`joined` returns :class:`ProcessGroup` for a process on its own, or
:class:`dlcx.training.torch_process_group.TorchProcessGroup`; no other code needs to know how many processes there are.
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
    """One process alone: all shares are the whole.  Of a group all must call the methods together."""

    rank = 0
    count = 1

    @property
    def is_main(self) -> bool:
        """Whether it is this process that writes and talks."""
        return self.rank == 0

    def device(self, name: str, *, preferred: str = "auto", net_type: str = "") -> str:
        """The device that ``--device`` means for this process; ``auto`` means the preferred one."""
        return name

    def shard(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of this process: every so many-th one."""
        return items[self.rank :: self.count]

    def all_gather(self, own: list[Item]) -> list[Item]:
        """What all processes have made of their shares, in the order of the whole."""
        return own

    def all_reduce_mean(self, values: Tensor) -> Tensor:
        """The mean of each value over the processes."""
        return values

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """The sum of each value over the processes."""
        return values

    def all_reduce_max(self, values: Sequence[int]) -> tuple[int, ...]:
        """The largest of each value."""
        return tuple(values)

    def broadcast(self, found: Found) -> Found:
        """What the first process has found."""
        return found

    def stop_requested(self, stop: StopRequest) -> bool:
        """Whether a signal has asked any of the processes to stop; all then know which one."""
        return bool(stop)

    def barrier(self) -> None:
        """Until all have come here."""
