"""Optimizers and learning-rate schedules by their names in pytorch_config.yaml."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from dlcx.errors import DlcxError, did_you_mean


class EndedSchedule(DlcxError):
    """A learning-rate schedule covers fewer epochs than requested."""


class LRListScheduler(LRScheduler):
    """Set the learning rates to ``lr_list[i]`` after ``milestones[i]`` epochs.

    ``lr_list[i]`` has one value for all parameter groups, or one for each. State dicts have the keys of DeepLabCut's
    class of the same name.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], lr_list: Sequence[Sequence[float]], last_epoch: int = -1
    ) -> None:
        if len(milestones) != len(lr_list):
            raise ValueError(
                f"expected as many milestones as lr_list entries, got {len(milestones)} and {len(lr_list)}"
            )
        self.milestones = list(milestones)
        self.lr_list = [list(lrs) if isinstance(lrs, Sequence) else [lrs] for lrs in lr_list]
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float | Tensor]:
        """Learning rate of each group for the next epoch."""
        groups = self.optimizer.param_groups
        if self.last_epoch not in self.milestones:
            return [group["lr"] for group in groups]
        lrs = self.lr_list[self.milestones.index(self.last_epoch)]
        return [*(lrs * len(groups) if len(lrs) == 1 else lrs)]


def build_optimizer(kind: str, params: Mapping[str, Any], parameters: Iterable[torch.nn.Parameter]) -> Optimizer:
    """Create ``torch.optim.<kind>`` over all trainable parameters.

    Raises
    ------
    DlcxError
        If torch has no such optimizer, or the optimizer rejects the parameters.
    """
    known = {name: value for name, value in vars(torch.optim).items() if _is_kind(value, Optimizer)}
    if kind not in known:
        raise DlcxError(f"runner.optimizer.type: torch.optim has no '{kind}'", hint=did_you_mean(kind, sorted(known)))
    learning = [parameter for parameter in parameters if parameter.requires_grad]
    try:
        result: Optimizer = known[kind](learning, **params)
        return result
    except (TypeError, ValueError) as error:
        raise DlcxError(f"runner.optimizer.params: {kind} rejects {dict(params)}: {error}") from error


def build_scheduler(kind: str, params: Mapping[str, Any], optimizer: Optimizer) -> LRScheduler:
    """Create LRListScheduler or ``torch.optim.lr_scheduler.<kind>``.

    A nested schedule is a mapping ``{type, params}``, for example in the list ``schedulers`` of SequentialLR.

    Raises
    ------
    DlcxError
        If the schedule does not exist or rejects the parameters.
    """
    known = {name: value for name, value in vars(lr_scheduler).items() if _is_kind(value, LRScheduler)}
    known["LRListScheduler"] = LRListScheduler
    if kind not in known:
        raise DlcxError(f"runner.scheduler.type: no schedule '{kind}'", hint=did_you_mean(kind, sorted(known)))

    def built(value: Any) -> Any:
        if isinstance(value, Mapping) and "type" in value:
            return build_scheduler(value["type"], value.get("params") or {}, optimizer)
        if isinstance(value, list):
            return [built(item) for item in value]
        return value

    try:
        result: LRScheduler = known[kind](optimizer, **{name: built(value) for name, value in params.items()})
        return result
    except (TypeError, ValueError, IndexError) as error:
        raise DlcxError(f"runner.scheduler.params: {kind} rejects {dict(params)}: {error}") from error


def step(scheduler: LRScheduler | None, loss: float) -> None:
    """Advance the schedule by one epoch; ``loss`` is used by ReduceLROnPlateau.

    Raises
    ------
    EndedSchedule
        If the schedule covers fewer epochs.
    """
    if scheduler is None:
        return
    with warnings.catch_warnings():
        # torch deprecates the epoch argument that SequentialLR passes; a forwarded schedule steps before its optimizer
        warnings.simplefilter("ignore", UserWarning)
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            scheduler.step(loss)
            return
        try:
            scheduler.step()
        except ValueError as error:  # OneCycleLR ends after total_steps
            raise EndedSchedule(
                f"runner.scheduler: {error}",
                hint="Increase its number of epochs in pytorch_config.yaml, or lower --epochs.",
            ) from error


def forward(scheduler: LRScheduler | None, epochs: int) -> None:
    """Advance a new schedule by ``epochs`` epochs; ReduceLROnPlateau starts over.

    Raises
    ------
    EndedSchedule
        If the schedule covers fewer epochs.
    """
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        return
    for _ in range(epochs):
        step(scheduler, 0.0)


def learning_rate(optimizer: Optimizer) -> float:
    """Learning rate of the first parameter group."""
    return float(optimizer.param_groups[0]["lr"])


def _is_kind(value: Any, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind) and value is not kind
