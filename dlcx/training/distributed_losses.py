"""Losses and gradients of a batch that several processes share.

Each process scales the loss of its shard by ``count * shard.size / shard.batch_size``. The mean over the processes,
which torch's DistributedDataParallel takes of the gradients, then equals the loss of the batch in one process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode

from dlcx.errors import DlcxError
from dlcx.heads.loss_normalization import normalize_losses
from dlcx.training.batches import Batch, BatchShard
from dlcx.training.process_group import ProcessGroup

Losses = Callable[[Batch], dict[str, Tensor]]


def distributed_losses(model: nn.Module, losses: Losses, group: ProcessGroup, *, compiled: bool = False) -> Losses:
    """Wrap ``losses`` so that all processes train ``model`` together; a single process gets ``losses`` unchanged.

    Parameters and buffers are copied from the first process.

    Raises
    ------
    DlcxError
        If the model is compiled and its batch norms are not frozen.
    """
    if group.count == 1:
        return losses
    if compiled and any(isinstance(layer, _BatchNorm) and layer.training for layer in model.train().modules()):
        raise DlcxError(
            f"--compile: batch norms over {group.count} processes cannot be compiled",
            hint="Leave --compile out, or freeze them (--set model.backbone.freeze_bn_stats=true, no others in the "
            "heads).",
        )
    for buffer in model.buffers():
        dist.broadcast(buffer, 0)
    shared = _DistributedModule(model, losses, group, norms=not compiled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # newer versions of torch rename broadcast_buffers
        # static: a network may have layers without gradients, but always the same ones
        return DistributedDataParallel(shared, broadcast_buffers=False, static_graph=True)


class _DistributedModule(nn.Module):
    """The module that DistributedDataParallel wraps: the model and the computation of its losses."""

    def __init__(self, model: nn.Module, losses: Losses, group: ProcessGroup, *, norms: bool) -> None:
        super().__init__()
        self.model, self._losses, self._group, self._norms = model, losses, group, norms

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        shard = batch.shard
        assert shard is not None
        torch.manual_seed(shard.seed)  # random layers depend only on seed, epoch, batch and process
        with (
            normalize_losses(_Counts(shard, self._group)),
            SyncBatchNorms(shard) if self._norms else nullcontext(),
        ):
            losses = self._losses(batch)
        factor = self._group.count * shard.size / shard.batch_size
        return {name: value * factor for name, value in losses.items()}


class _Counts:
    """See :class:`dlcx.heads.loss_normalization.BatchShare`."""

    def __init__(self, shard: BatchShard, group: ProcessGroup) -> None:
        self.fraction = max(shard.size, 1) / shard.batch_size
        self._counts, self._group = bool(shard.size), group

    def total(self, count: Tensor) -> Tensor:
        """Sum over the processes, without placeholder images."""
        return self._group.all_reduce_sum(count * self._counts)


class SyncBatchNorms(TorchFunctionMode):
    """Compute the mean and variance of batch norms over the batches of all processes, on any device.

    Ioffe and Szegedy, Batch Normalization (ICML 2015), over the images of all processes.
    """

    def __init__(self, shard: BatchShard) -> None:
        super().__init__()
        self._shard = shard

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call ``func``, replacing ``functional.batch_norm``."""
        if func is functional.batch_norm:
            return self._normalized(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _normalized(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """``functional.batch_norm`` of x (B, C, ...)."""
        if not training:
            return functional.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
        values, counts = x.float(), bool(self._shard.size)
        others = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        own = values.new_tensor([x.numel() / x.shape[1]])
        *sums, size = _AllSum.apply(torch.cat([values.sum(others), own]) * counts).split([x.shape[1], 1])
        mean = sums[0] / size
        apart = values - mean.view(shape)
        variance = _AllSum.apply(apart.square().sum(others) * counts) / size
        scale = torch.rsqrt(variance + eps)
        scale = scale if weight is None else scale * weight
        y = apart * scale.view(shape)
        y = y if bias is None else y + bias.view(shape)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                running_var.lerp_((variance * size / (size - 1).clamp(min=1)).to(running_var.dtype), momentum)
        output: Tensor = y.to(x.dtype)
        return output


class _AllSum(torch.autograd.Function):
    """The sum over all processes, each of whose losses depends on it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        summed = value.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.clone()
        dist.all_reduce(summed)
        return summed
