"""The process group of torch that several processes train in."""

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

from dlcx.distributed_environment import is_supervised
from dlcx.engines.devices import choose_device
from dlcx.errors import AlreadyReported, DlcxError, LostProcess
from dlcx.stopping import StopRequest
from dlcx.training.process_group import Found, Item, ProcessGroup


class TorchProcessGroup(ProcessGroup):
    """One of several processes; made by :func:`dlcx.training.process_group.joined`."""

    def __init__(self) -> None:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        self._store, self.rank, self.count = next(dist.rendezvous("env://"))
        dist.init_process_group(
            backend, store=dist.PrefixStore("dlcx", self._store), rank=self.rank, world_size=self.count
        )

    def device(self, name: str, *, preferred: str = "auto", net_type: str = "") -> str:
        """``cpu``, or for ``cuda`` the one of this process's number on its machine."""
        device = choose_device(preferred if name == "auto" else name, net_type)
        if device.type == "cpu":
            return "cpu"
        if device.type != "cuda" or device.index is not None:
            raise DlcxError(
                f"--device {name}: {self.count} processes cannot share {device}",
                hint="Give --device cuda or cpu, or destroy --devices out.",
            )
        own, most = int(os.environ.get("LOCAL_RANK", self.rank)), torch.cuda.device_count()
        if own >= most:
            raise DlcxError(
                f"process {own + 1} of this machine finds no device of its own: torch sees {most} CUDA device(s)",
                hint=f"Start {most} processes a machine at most, or give --device cpu.",
            )
        torch.cuda.set_device(own)
        return f"cuda:{own}"

    def all_gather(self, own: list[Item]) -> list[Item]:
        """See :class:`ProcessGroup`."""
        shares: list[Any] = [None] * self.count
        dist.all_gather_object(shares, own)
        whole: list[Any] = [None] * sum(map(len, shares))
        for rank, share in enumerate(shares):
            whole[rank :: self.count] = share
        return whole

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
        most = torch.tensor(list(values), dtype=torch.int64)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        return tuple(most.tolist())

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
        """What this process ends with: the error if it is the first to fail, else that another one says why."""
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
        """End the group, when all have done their work."""
        dist.destroy_process_group()


def _is_lost(error: RuntimeError) -> bool:
    """Whether an error of torch tells that another process can no longer be reached."""
    return isinstance(error, dist.DistError) or "gloo" in str(error).lower() or "nccl" in str(error).lower()
