"""Several processes that train one net together, as ``torchrun`` starts them, or one alone.

Each process holds the whole network and takes its part of every batch and of the test images; decisions are shared by
all of them, and the first one writes.  :func:`joined` returns :class:`Processes` for a process on its own, or
:class:`dlcx.training.process_group.Group`; no other code needs to know how many processes there are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from dlcx.distributed_environment import is_attended, is_one_of_several, stop_with_starter
from dlcx.stopping import StopRequest

if TYPE_CHECKING:
    from torch import Tensor

Item = TypeVar("Item")
Found = TypeVar("Found")


class Processes:
    """One process alone: all shares are the whole.  Of a group all must call the methods together."""

    rank = 0
    count = 1

    @property
    def first(self) -> bool:
        """Whether it is this process that writes and talks."""
        return self.rank == 0

    def device(self, name: str, *, preferred: str = "auto", net_type: str = "") -> str:
        """The device that ``--device`` means for this process; ``auto`` means the preferred one."""
        return name

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The items of this process: every so many-th one."""
        return items[self.rank :: self.count]

    def merged(self, own: list[Item]) -> list[Item]:
        """What all processes have made of their shares, in the order of the whole."""
        return own

    def mean(self, values: Tensor) -> Tensor:
        """The mean of each value over the processes."""
        return values

    def total(self, values: Tensor) -> Tensor:
        """The sum of each value over the processes."""
        return values

    def largest(self, values: Sequence[int]) -> tuple[int, ...]:
        """The largest of each value."""
        return tuple(values)

    def of_first(self, found: Found) -> Found:
        """What the first process has found."""
        return found

    def asked_to_stop(self, stop: StopRequest) -> bool:
        """Whether a signal has asked any of the processes to stop; all then know which one."""
        return bool(stop)

    def wait(self) -> None:
        """Until all have come here."""


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that train together: those that the environment names as ``torchrun`` sets it, else this one alone.

    Raises
    ------
    ToldElsewhere
        When this process ends because another one does, which says why.
    DlcxError
        When another one was lost.
    """
    if not is_one_of_several():
        yield Processes()
        return
    if is_attended():
        stop_with_starter()
    from dlcx.training.process_group import Group

    group = Group()
    talk = logging.getLogger("dlcx")
    level = talk.level
    if not group.first:
        talk.setLevel(logging.CRITICAL)
    try:
        yield group
        group.wait()
    except BaseException as error:
        found = group.explained(error)
        if found is error:
            raise
        raise found from error
    finally:
        talk.setLevel(level)
    group.leave()
