"""The torch process group of a training with several processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from dlcx.distributed_environment import is_supervised
from dlcx.engines.devices import choose_device
from dlcx.errors import AlreadyReported, DlcxError, LostProcess
from dlcx.stopping import StopRequest
from dlcx.training.process_group import Found, Item, ProcessGroup


class TorchProcessGroup(ProcessGroup):
    """One of several processes; see :func:`dlcx.training.join_process_group.join_process_group`."""

    def __init__(self) -> None:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        self._store, self.rank, self.count = next(rendezvous("env://"))
        dist.init_process_group(backend, store=PrefixStore("dlcx", self._store), rank=self.rank, world_size=self.count)

    def device(self, name: str, *, preferred: str = "auto", net_type: str = "") -> str:
        """Return ``cpu``, or the CUDA device whose index is this process's local rank."""
        device = choose_device(preferred if name == "auto" else name, net_type)
        if device.type == "cpu":
            return "cpu"
        if device.type != "cuda" or device.index is not None:
            raise DlcxError(
                f"--device {name}: {self.count} processes cannot share {device}",
                hint="Give --device cuda or cpu, or destroy --devices out.",
            )
        rank, available = int(os.environ.get("LOCAL_RANK", self.rank)), torch.cuda.device_count()
        if rank >= available:
            raise DlcxError(
                f"process {rank + 1} of this machine has no device: torch sees {available} CUDA device(s)",
                hint=f"Start at most {available} processes per machine, or give --device cpu.",
            )
        torch.cuda.set_device(rank)
        return f"cuda:{rank}"

    def all_gather(self, own: list[Item]) -> list[Item]:
        """See :class:`ProcessGroup`."""
        shares: list[Any] = [None] * self.count
        dist.all_gather_object(shares, own)
        gathered: list[Any] = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            gathered[rank :: self.count] = share
        return gathered

    def all_reduce_mean(self, values: Tensor) -> Tensor:
        """See :class:`ProcessGroup`."""
        return self.all_reduce_sum(values) / self.count

    def all_reduce_sum(self, values: Tensor) -> Tensor:
        """See :class:`ProcessGroup`."""
        kind = torch.int64 if not values.is_floating_point() else torch.float64
        summed = values.detach().to(kind)
        summed = summed.clone() if summed.data_ptr() == values.data_ptr() else summed
        dist.all_reduce(summed)
        return summed

    def all_reduce_max(self, values: Sequence[int]) -> tuple[int, ...]:
        """See :class:`ProcessGroup`."""
        maximum = torch.tensor(list(values), dtype=torch.int64)
        dist.all_reduce(maximum, dist.ReduceOp.MAX)
        return tuple(maximum.tolist())

    def broadcast(self, found: Found) -> Found:
        """See :class:`ProcessGroup`."""
        held = [found]
        dist.broadcast_object_list(held)
        return held[0]

    def stop_requested(self, stop: StopRequest) -> bool:
        """See :class:`ProcessGroup`."""
        (number,) = self.all_reduce_max([int(signal.Signals[stop.signal]) if stop.signal else 0])
        if number and not stop:
            stop.note(number, None)
        return bool(number)  # a signal that has come meanwhile is for all to hear, the next time

    def barrier(self) -> None:
        """See :class:`ProcessGroup`."""
        self.all_reduce_max([0])

    def explain(self, error: BaseException) -> BaseException:
        """Return the error to raise: ``error`` itself if this process failed first, otherwise one that refers to the
        first.
        """
        lost = isinstance(error, RuntimeError) and _is_lost(error)
        if lost and is_supervised():
            return LostProcess()
        code = 130 if isinstance(error, KeyboardInterrupt) else getattr(error, "exit_code", 1)
        code = DlcxError.exit_code if lost else code
        try:
            if self._store.add("dlcx-failed", 1) > 1:
                with suppress(RuntimeError):
                    code = json.loads(self._store.get("dlcx-code"))
                return AlreadyReported(code)
            self._store.set("dlcx-code", json.dumps(code))
        except RuntimeError:  # the store has gone with the process that held it
            pass
        if lost:
            return DlcxError(
                f"process {self.rank + 1} of {self.count} has lost the others: one was killed or its machine is gone",
                hint="Run the same command again to resume from the last saved state.",
            )
        return error

    def destroy(self) -> None:
        """Leave the group after all processes have finished."""
        dist.destroy_process_group()


def _is_lost(error: RuntimeError) -> bool:
    """Whether torch reports that another process is unreachable."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower() or "nccl" in str(error).lower()
