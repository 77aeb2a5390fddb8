"""The training loop: batches, losses and optimizer steps; evaluation, snapshots and statistics after each epoch."""

from __future__ import annotations

import logging
import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlcx.engines.torch import is_out_of_memory
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.weights.snapshot import SnapshotFile
from dlcx.formats.weights.tensor_checks import check_moments
from dlcx.locks import Lock
from dlcx.metrics.error_scale import ErrorScale
from dlcx.nets.weights import load_strict
from dlcx.progress import SILENT, Progress, Task
from dlcx.stopping import StopRequest
from dlcx.training import optimizers
from dlcx.training.batches import Batch, Batches
from dlcx.training.checkpointer import Best
from dlcx.training.distributed_losses import distributed_losses
from dlcx.training.evaluation_line import evaluation_line
from dlcx.training.loggers import Logger
from dlcx.training.outputs import TrainingOutputs
from dlcx.training.process_group import ProcessGroup
from dlcx.training.resume_state import HINT, random_states, set_random_states, write_state
from dlcx.training.schedule import TrainingSchedule

logger = logging.getLogger(__name__)

#: Evaluates the model; returns metrics by their names in learning_stats.csv, or None if a stop was requested.
Evaluate = Callable[[StopRequest], dict[str, float] | None]

#: Maximum fraction of the time spent on saving the resume state when no snapshot requires it.
SAVING_SHARE = 0.05


@dataclass
class Training:
    """A model in training.

    All processes of ``group`` share the batches and perform the same steps.

    Attributes
    ----------
    model, losses, batches, evaluate
        The network, the losses of a batch (``total_loss`` among them), the training batches and the evaluation.
    optimizer, scheduler, device
        The optimizer, its learning-rate schedule and the device.
    schedule, outputs
        How many epochs to train, and the files to write.
    fingerprint
        Settings stored in the resume state, so that a later run can detect changes.
    epoch, batches_done, sums
        Completed epochs, completed batches of the next epoch, and the sums of their losses.
    job
        Name of the scheduler's job that trains; stored in the resume state.
    lock
        Lock of the train folder; nothing is saved after another process has taken it.
    error_scale
        Lengths on the test images to which errors are compared.
    """

    model: nn.Module
    losses: Callable[[Batch], dict[str, Tensor]]
    batches: Batches
    evaluate: Evaluate | None
    optimizer: Optimizer
    scheduler: LRScheduler | None
    device: torch.device
    schedule: TrainingSchedule
    outputs: TrainingOutputs
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    group: ProcessGroup = field(default_factory=ProcessGroup)
    epoch: int = 0
    batches_done: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    job: str = ""
    lock: Lock | None = None
    error_scale: ErrorScale = field(default_factory=ErrorScale)

    def __post_init__(self) -> None:
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.schedule.precision == "fp16")
        self._saved = (time.monotonic(), 0.0)  # time of the last save and its duration
        self._random: Mapping[str, Any] | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether there are epochs left to train."""
        return self.epoch < self.schedule.epochs and not self.patience_exhausted

    @property
    def patience_exhausted(self) -> bool:
        """Whether the key metric has not improved for ``early_stop`` evaluations."""
        best, patience = self.outputs.checkpointer.best, self.schedule.early_stop
        return best is not None and patience is not None and best.waited >= patience

    def run(self, stop: StopRequest, listeners: Sequence[Logger] = (), progress: Progress = SILENT) -> None:
        """Train until ``schedule.epochs``.

        Parameters
        ----------
        stop
            Signals that ask the process to stop.
        listeners
            Loggers that receive the losses and metrics of each epoch.
        progress
            Reports the images done.

        Raises
        ------
        Stopped
            If a stop was requested; everything is saved.
        DlcxError
            If a loss is not finite or a file cannot be written.
        """
        if self._random is not None:
            set_random_states(self._random)
        self.losses = distributed_losses(self.model, self.losses, self.group, compiled=self.schedule.compiled)
        samples = len(self.batches.samples)
        total = self.schedule.epochs * samples
        done = self.epoch * samples + self.batches.samples_in(self.batches_done)
        with ExitStack() as stack:
            for listener in listeners:
                stack.callback(listener.close)
            task = stack.enter_context(progress.task(self.schedule.title, total, "image", done=done))
            while self.is_unfinished:
                try:
                    numbers = self._run_epoch(self.epoch + 1, stop, task)
                except RuntimeError as error:
                    self._explain(error)
                    raise
                for listener in listeners:
                    listener.log(self.epoch, numbers)

    def _run_epoch(self, epoch: int, stop: StopRequest, task: Task) -> dict[str, float]:
        lr = optimizers.learning_rate(self.optimizer)
        self._train(epoch, stop, task)
        numbers = {f"losses/train.{name}": total / len(self.batches) for name, total in self.sums.items()}
        if self.evaluate and epoch % self.schedule.eval_interval == 0:
            task.advance(0, note=f"epoch {epoch}/{self.schedule.epochs}, evaluating")
            found = self.evaluate(stop)
            if found is None:
                self._stop(stop)
            else:
                numbers |= found
        optimizers.step(self.scheduler, numbers["losses/train.total_loss"])
        self.epoch, self.batches_done, self.sums = epoch, 0, {}
        self._record(epoch, lr, numbers)
        if _was_evaluated(numbers):
            task.report(self._evaluation_line(epoch, numbers), {"epoch": epoch, **numbers})
        return numbers

    def _train(self, epoch: int, stop: StopRequest, task: Task) -> None:
        """Train on the remaining batches of the epoch."""
        self.model.train()
        for batch in self.batches.epoch(epoch, self.batches_done):
            for name, value in self._learn(batch, epoch).items():
                self.sums[name] = self.sums.get(name, 0.0) + value
            self.batches_done += 1
            mean = self.sums["total_loss"] / self.batches_done
            task.advance(batch.total_size, note=f"epoch {epoch}/{self.schedule.epochs}, loss {mean:.4g}")
            if self.group.stop_requested(stop):
                self._stop(stop)
            if not self.outputs.state.is_file():  # before any snapshot, from which later epochs could not be repeated
                self.save()

    def _learn(self, batch: Batch, epoch: int) -> dict[str, float]:
        """Perform one optimizer step; return the losses of the batch."""
        losses = self.losses(batch)
        means = self.group.all_reduce_mean(torch.stack(list(losses.values())))
        values = dict(zip(losses, means.tolist(), strict=True))
        if not all(math.isfinite(value) for value in values.values()):
            self._raise_not_finite(values, batch, epoch)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(losses["total_loss"]).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return values

    def _raise_not_finite(self, values: Mapping[str, float], batch: Batch, epoch: int) -> None:
        """End the training because a loss is not finite."""
        terms = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        paths = dict.fromkeys(self.group.all_gather(list(batch.paths)))
        names = ", ".join("/".join(path.parts[-2:]) for path in paths)
        message = f"epoch {epoch}: the loss is not finite: {terms}; images: {names}"
        self._write_log(message)
        raise DlcxError(
            message,
            hint="The last snapshot is kept. Try a smaller learning rate "
            f"(--set {self.schedule.key_prefix}runner.optimizer.params.lr=...); the resumed training uses it.",
        )

    def _explain(self, error: RuntimeError) -> None:
        """Raise a DlcxError for errors of torch that the user can fix."""
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if self.schedule.compiled and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise DlcxError(
                f"--compile: torch cannot compile the network on this machine: {reason}",
                hint="Leave out --compile, or install a C++ compiler.",
            ) from error
        if is_out_of_memory(error):
            raise DlcxError(
                f"the device is out of memory: {reason}",
                hint="Use a smaller --batch-size, smaller crops (data.train.crop_sampling), or --precision bf16.",
            ) from error

    def _record(self, epoch: int, lr: float, numbers: Mapping[str, float]) -> None:
        """Write the statistics, snapshot and resume state of a completed epoch."""
        outputs = self.outputs
        last = epoch == self.schedule.epochs or self._will_stop_early(numbers)
        if not self.group.is_main:
            outputs.checkpointer.record(epoch, numbers)
            return
        self._check_lock()
        outputs.statistics.log(epoch, numbers)
        saved = outputs.checkpointer.save_if_due(
            epoch,
            last=last,
            numbers=numbers,
            model=self.model.state_dict(),
            scheduler=None if self.scheduler is None else self.scheduler.state_dict(),
            optimizer=self.optimizer.state_dict() if self.schedule.save_optimizer else None,
        )
        self._write_log(self._line(epoch, lr, numbers))
        written, took = self._saved
        # snapshots and statistics on disk must never be ahead of the resume state
        if saved or _was_evaluated(numbers) or (time.monotonic() - written) * SAVING_SHARE >= took:
            self.save()

    def _will_stop_early(self, numbers: Mapping[str, float]) -> bool:
        """Whether this epoch is the last because the key metric stopped improving."""
        best, patience = self.outputs.checkpointer.best, self.schedule.early_stop
        if best is None or patience is None or not _was_evaluated(numbers):
            return False
        return best.waited + 1 >= patience

    def _line(self, epoch: int, lr: float, numbers: Mapping[str, float]) -> str:
        """The line of an epoch in train.txt, in DeepLabCut's format."""
        line = f"Epoch {epoch}/{self.schedule.epochs} (lr={lr}), train loss {numbers['losses/train.total_loss']:.5f}"
        if "losses/eval.total_loss" in numbers:
            line += f", valid loss {numbers['losses/eval.total_loss']:.5f}"
        if self.device.type == "cuda":
            used, total = (value / (1 << 20) for value in _gpu_memory(self.device))
            line += f", GPU: {used:.1f}/{total:.1f} MiB"
        return line

    def _evaluation_line(self, epoch: int, numbers: Mapping[str, float]) -> str:
        checkpointer = self.outputs.checkpointer
        return evaluation_line(
            epoch,
            self.schedule.epochs,
            numbers,
            error_scale=self.error_scale,
            key_metric=checkpointer.key_metric,
            best=checkpointer.best,
        )

    def _stop(self, stop: StopRequest) -> None:
        self.save()
        where = f"epoch {self.epoch + 1} of {self.schedule.epochs}, batch {self.batches_done} of {len(self.batches)}"
        self._write_log(f"Stopped by {stop.signal} in {where}")
        self.group.barrier()  # until the first process has saved
        raise Stopped(f"stopped by {stop.signal} in {where}; saved", hint="Run the same command again to resume.")

    def _write_log(self, message: str) -> None:
        """Append a line to train.txt."""
        if self.group.is_main:
            self.outputs.log.write(message)

    def _check_lock(self) -> None:
        """Raise if the folder was replaced or locked by another training in the meantime."""
        if self.lock is not None:
            self.lock.check()

    def save(self) -> None:
        """Write the resume state."""
        if not self.group.is_main:
            return
        self._check_lock()
        started = time.monotonic()
        best = self.outputs.checkpointer.best
        state = {
            "epoch": self.epoch,
            "batches": self.batches_done,
            "sums": self.sums,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": random_states(),
            "best": None if best is None else asdict(best),
            "recipe": dict(self.fingerprint),
            "job": self.job,
        }
        write_state(state, self.outputs.state)
        self._saved = (time.monotonic(), time.monotonic() - started)

    def restore(self, state: Mapping[str, Any], changed: set[str], source: str) -> None:
        """Restore what :meth:`save` wrote.

        A changed optimizer or learning-rate schedule applies from here on; moments of the optimizer are kept if they
        still fit. After a change of images or batch size, the interrupted epoch starts over.

        Parameters
        ----------
        state
            The resume state.
        changed
            Keys of ``fingerprint`` whose values differ now.
        source
            Path of the resume state, for messages.

        Raises
        ------
        DlcxError
            If the state does not belong to this training or contains invalid numbers.
        """
        try:
            self._restore(state, changed, source)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = (str(error).strip() or repr(error)).splitlines()[0][:200]
            raise DlcxError(f"{source}: not the state of this training: {reason}", hint=HINT) from error

    def _restore(self, state: Mapping[str, Any], changed: set[str], source: str) -> None:
        load_strict(self.model, state["model"], source)
        self.epoch = operator.index(state["epoch"])
        if not changed & {"batch_size", "images", "seed"}:
            self.batches_done = operator.index(state["batches"])
            self.sums = {name: float(value) for name, value in state["sums"].items()}
        if changed & {"optimizer", "scheduler"}:
            self._adopt_moments(state["optimizer"], source)
            optimizers.forward(self.scheduler, self.epoch)
        else:
            check_moments(state["optimizer"], self._learning(), source)
            self.optimizer.load_state_dict(state["optimizer"])
            if self.scheduler is not None:
                self.scheduler.load_state_dict(state["scheduler"])
        if self.scaler.is_enabled() and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        self.outputs.checkpointer.best = None if state["best"] is None else Best(**state["best"])
        set_random_states(state["random"])  # raises if they are invalid
        self._random = state["random"]

    def continue_from(self, snapshot: SnapshotFile, source: str) -> None:
        """Continue after the epoch of a snapshot, with the learning rate of that epoch."""
        load_strict(self.model, snapshot.model, source)
        self.epoch = snapshot.epoch
        if snapshot.optimizer:
            self._adopt_moments(snapshot.optimizer, source)
        optimizers.forward(self.scheduler, self.epoch)

    def _adopt_moments(self, state: Mapping[str, Any], source: str) -> None:
        """Take the moments from an optimizer's state dict, but keep this optimizer's learning rate and settings.

        Moments of a different type of optimizer or network are ignored.
        """

        def kinds(groups: Sequence[Mapping[str, Any]]) -> list[tuple[set[str], int]]:
            return [(set(group) - {"params", "initial_lr"}, len(group["params"])) for group in groups]

        groups = self.optimizer.param_groups
        own = [{name: value for name, value in group.items() if name != "params"} for group in groups]
        if kinds(state["param_groups"]) != kinds(groups):
            logger.warning("the type of optimizer changed; its moments start over")
            return
        check_moments(state, self._learning(), source)
        self.optimizer.load_state_dict(dict(state))
        for group, values in zip(self.optimizer.param_groups, own, strict=True):
            group.update(values)

    def _learning(self) -> list[tuple[str, nn.Parameter]]:
        """The trainable parameters by name, in the optimizer's order."""
        return [(name, value) for name, value in self.model.named_parameters() if value.requires_grad]


def _was_evaluated(numbers: Mapping[str, float]) -> bool:
    """Whether an epoch with these numbers was evaluated."""
    return any(name.startswith("metrics/") for name in numbers)


def _gpu_memory(device: torch.device) -> tuple[int, int]:
    """Bytes in use and in total."""
    free, total = torch.cuda.mem_get_info(device)
    return total - free, total
