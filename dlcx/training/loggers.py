"""Where a training's numbers go: learning_stats.csv and train.txt always, TensorBoard or Weights & Biases if asked."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.shuffles.learning_stats import read_learning_stats, write_learning_stats
from dlcx.outputs import disk_full_error, is_disk_full

logger = logging.getLogger(__name__)

KINDS = ("csv", "tensorboard", "wandb")


class Logger(Protocol):
    """Takes the numbers of each epoch."""

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """The numbers of one epoch by their names in learning_stats.csv."""

    def close(self) -> None:
        """No more epochs come."""


class Statistics:
    """``learning_stats.csv``; an existing file is continued."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = read_learning_stats(path)

    def drop_after(self, epoch: int) -> None:
        """Forget later epochs: they are trained again."""
        self.rows = [row for row in self.rows if row["step"] <= epoch]

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Add a row and write the whole file."""
        self.rows.append({"step": epoch, **numbers})
        write_learning_stats(self.rows, self._path)


class TensorBoard:
    """Event files in a folder, by ``torch.utils.tensorboard``."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise DlcxError(
                "--logger tensorboard: the package tensorboard is not installed",
                hint="pip install tensorboard",
            ) from error
        self._writer = SummaryWriter(str(folder))

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """One scalar for each number."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


#: Arguments of DeepLabCut's WandbLogger; all others are wandb.init's, as those of ``wandb_kwargs``.
_OF_WANDB = ("project_name", "run_name", "wandb_kwargs", "image_log_interval", "model", "train_folder", "type")
#: Arguments of wandb.init that describe a run, and their types.  Others decide which files are read and written, and
#: which server gets the user's key; that is the user's choice, not that of a project that someone else has made.
_OF_RUN: dict[str, tuple[type, ...]] = {
    "project": (str,), "name": (str,), "entity": (str,), "group": (str,), "job_type": (str,), "notes": (str,),
    "tags": (list, tuple), "config": (dict,), "mode": (str,), "id": (str,), "resume": (str, bool),
    "reinit": (str, bool), "force": (bool,), "allow_val_change": (bool,), "save_code": (bool,),
}  # fmt: skip


class WeightsAndBiases:
    """A run of wandb; whether it needs the network is wandb's own choice (``WANDB_MODE=offline``).

    ``options`` are those of DeepLabCut's WandbLogger: ``project_name``, ``run_name`` and ``wandb_kwargs``, and any
    other argument of wandb.init.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise DlcxError("--logger wandb: the package wandb is not installed", hint="pip install wandb") from error
        try:
            self._run = wandb.init(dir=str(folder), **_run_options(options))
        except TypeError as error:
            raise DlcxError(f"logger: wandb.init does not take what pytorch_config.yaml names: {error}") from error

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """The numbers as one step."""
        self._run.log(dict(numbers), step=epoch)

    def close(self) -> None:
        """End the run."""
        self._run.finish()


def _run_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of wandb.init that ``logger`` of pytorch_config.yaml names.

    Raises
    ------
    DlcxError
        For one that is not of :data:`_OF_RUN`, or has a value of another type.
    """
    inner = options.get("wandb_kwargs") or {}
    if not isinstance(inner, Mapping):
        raise DlcxError(f"pytorch_config.yaml: logger.wandb_kwargs: expected a mapping, got {inner!r:.60}")
    outer = {name: value for name, value in options.items() if name not in _OF_WANDB}
    run = {"project": options.get("project_name", "deeplabcut"), "name": options.get("run_name"), **inner, **outer}
    for name, value in run.items():
        if name not in _OF_RUN:
            raise DlcxError(
                f"pytorch_config.yaml: logger: {name} is not taken",
                hint=f"Set it for wandb in the environment (WANDB_...). Taken are {', '.join(_OF_RUN)}.",
            )
        if value is not None and not isinstance(value, _OF_RUN[name]):
            kinds = " or ".join(kind.__name__ for kind in _OF_RUN[name])
            raise DlcxError(f"pytorch_config.yaml: logger: {name}: expected {kinds}, got {value!r:.60}")
    return run


#: Loggers of pytorch_config.yaml by ``logger.type``.
TYPES = {"CSVLogger": "csv", "WandbLogger": "wandb"}


def chosen_logger(flag: str | None, block: Mapping[str, Any] | None) -> str:
    """The kind of logger that a flag names, else ``logger`` of pytorch_config.yaml; csv where neither does.

    Warns of keys of ``logger`` that have no effect.

    Raises
    ------
    DlcxError
        For a kind that does not exist, and for keys that wandb would get twice or that a project may not choose.
    """
    if flag is not None and flag not in KINDS:
        raise DlcxError(f"--logger {flag}: no such logger", hint=did_you_mean(flag, KINDS))
    if not block:
        return flag or "csv"
    named = str(block.get("type"))
    if named not in TYPES:
        raise DlcxError(f"pytorch_config.yaml: logger.type: no logger '{named}'", hint=did_you_mean(named, list(TYPES)))
    kind = TYPES[named]
    if flag not in (None, kind):
        logger.warning("--logger %s replaces the %s of pytorch_config.yaml", flag, named)
        return str(flag)
    keys = block if kind == "csv" else ("image_log_interval", "model", "train_folder")
    reasons = {"image_log_interval": "only numbers are logged"}
    for key in keys:
        usual = {"type": named, "log_filename": "learning_stats.csv", "train_folder": ""}.get(key)
        if key in block and block[key] not in (None, usual):
            reason = reasons.get(key, "the numbers are in learning_stats.csv beside the snapshots")
            logger.warning("pytorch_config.yaml: logger.%s: %s has no effect: %s", key, block[key], reason)
    if kind == "wandb":
        inner = block.get("wandb_kwargs")
        for key, instead in (("project", "project_name"), ("name", "run_name")):
            if key in block or (isinstance(inner, Mapping) and key in inner):
                raise DlcxError(
                    f"pytorch_config.yaml: logger: {key} is not taken", hint=f"Name it as logger.{instead}."
                )
        _run_options(block)
    return kind


def check_logger(kind: str) -> None:
    """Whether the package of a logger is installed, before a network is built.

    Raises
    ------
    DlcxError
        When it is not.
    """
    there = sys.modules[kind] if kind in sys.modules else find_spec(kind) if kind != "csv" else kind
    if there is None:
        raise DlcxError(f"--logger {kind}: the package {kind} is not installed", hint=f"pip install {kind}")


def build_logger(kind: str, folder: Path, options: Mapping[str, Any]) -> Logger | None:
    """The logger besides learning_stats.csv, or None; ``options`` are those of ``logger`` in pytorch_config.yaml."""
    if kind == "csv":
        return None
    if kind == "tensorboard":
        return TensorBoard(folder / "tensorboard")
    if kind == "wandb":
        return WeightsAndBiases(folder, options)
    raise DlcxError(f"--logger {kind}: no such logger", hint=did_you_mean(kind, KINDS))


class TrainLog:
    """``train.txt``: a line with date and time for each message, appended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, message: str) -> None:
        """Append the message; with -v it is seen on the terminal, too."""
        logger.info("%s", message)
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n"
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            if is_disk_full(error, self._path.parent):
                raise disk_full_error(self._path, len(line)) from error
            raise DlcxError(f"cannot write {self._path}: {error.strerror or error}") from error
