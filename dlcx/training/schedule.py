"""How many epochs a training runs and how it computes them."""

from __future__ import annotations

from dataclasses import dataclass

from dlcx.errors import DlcxError


@dataclass(frozen=True)
class TrainingSchedule:
    """How many epochs to train and how to compute them.

    Attributes
    ----------
    epochs
        Total number of epochs, including those of earlier runs.
    eval_interval
        Number of epochs between evaluations.
    early_stop
        Number of evaluations without improvement after which training ends.
    precision
        ``fp32``, ``bf16`` or ``fp16``.
    compiled
        Whether to compile the model with torch.
    save_optimizer
        Whether snapshots contain the optimizer state.
    title
        Title of the progress bar.
    key_prefix
        Prefix of the keys of its settings in pytorch_config.yaml.
    """

    epochs: int
    eval_interval: int = 10
    early_stop: int | None = None
    precision: str = "fp32"
    compiled: bool = False
    save_optimizer: bool = False
    title: str = "train"
    key_prefix: str = ""

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16", "fp16"):
            raise DlcxError(f"--precision {self.precision}: expected fp32, bf16 or fp16")
        for flag, value in (("--epochs", self.epochs), ("--early-stop", self.early_stop)):
            if value is not None and value < 1:
                raise DlcxError(f"{flag} {value}: expected at least 1")
