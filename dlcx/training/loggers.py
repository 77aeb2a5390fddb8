"""Loggers of losses and metrics: learning_stats.csv and train.txt, and optionally TensorBoard or Weights & Biases."""

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
    """Receives the losses and metrics of each epoch."""

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Log an epoch; ``numbers`` are keyed by their names in learning_stats.csv."""

    def close(self) -> None:
        """Finish logging."""


class Statistics:
    """``learning_stats.csv``; rows are appended to an existing file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows = read_learning_stats(path)

    def drop_after(self, epoch: int) -> None:
        """Remove rows of later epochs, which are trained again."""
        self.rows = [row for row in self.rows if row["step"] <= epoch]

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Add a row and rewrite the file."""
        self.rows.append({"step": epoch, **numbers})
        write_learning_stats(self.rows, self._path)


class TensorBoard:
    """Event files in a folder, written by ``torch.utils.tensorboard``."""

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
        """Write each number as a scalar."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


#: Arguments of DeepLabCut's WandbLogger; all others, like ``wandb_kwargs``, are passed to wandb.init.
_WANDB_LOGGER_KEYS = ("project_name", "run_name", "wandb_kwargs", "image_log_interval", "model", "train_folder", "type")
#: Allowed arguments of wandb.init and their types: those that describe a run.  Other arguments choose files and servers
#: (which receive the user's key); a project from someone else must not set them.
_RUN_KEYS: dict[str, tuple[type, ...]] = {
    "project": (str,), "name": (str,), "entity": (str,), "group": (str,), "job_type": (str,), "notes": (str,),
    "tags": (list, tuple), "config": (dict,), "mode": (str,), "id": (str,), "resume": (str, bool),
    "reinit": (str, bool), "force": (bool,), "allow_val_change": (bool,), "save_code": (bool,),
}  # fmt: skip


class WeightsAndBiases:
    """A wandb run. wandb decides whether it needs internet access (``WANDB_MODE=offline``).

    Parameters
    ----------
    folder
        Folder of wandb's files.
    options
        Arguments of DeepLabCut's WandbLogger (``project_name``, ``run_name``, ``wandb_kwargs``) and of wandb.init.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise DlcxError("--logger wandb: the package wandb is not installed", hint="pip install wandb") from error
        try:
            self._run = wandb.init(dir=str(folder), **_run_options(options))
        except TypeError as error:
            raise DlcxError(f"logger: wandb.init rejects the arguments in pytorch_config.yaml: {error}") from error

    def log(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Log the numbers as one step."""
        self._run.log(dict(numbers), step=epoch)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


def _run_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of wandb.init given by ``logger`` in pytorch_config.yaml.

    Raises
    ------
    DlcxError
        If an argument is not allowed or has the wrong type.
    """
    inner = options.get("wandb_kwargs") or {}
    if not isinstance(inner, Mapping):
        raise DlcxError(f"pytorch_config.yaml: logger.wandb_kwargs: expected a mapping, got {inner!r:.60}")
    outer = {name: value for name, value in options.items() if name not in _WANDB_LOGGER_KEYS}
    run = {"project": options.get("project_name", "deeplabcut"), "name": options.get("run_name"), **inner, **outer}
    for name, value in run.items():
        if name not in _RUN_KEYS:
            raise DlcxError(
                f"pytorch_config.yaml: logger: {name} is not allowed",
                hint=f"Set it in wandb's environment variables (WANDB_...). Allowed: {', '.join(_RUN_KEYS)}.",
            )
        if value is not None and not isinstance(value, _RUN_KEYS[name]):
            kinds = " or ".join(kind.__name__ for kind in _RUN_KEYS[name])
            raise DlcxError(f"pytorch_config.yaml: logger: {name}: expected {kinds}, got {value!r:.60}")
    return run


#: Loggers of pytorch_config.yaml by ``logger.type``.
TYPES = {"CSVLogger": "csv", "WandbLogger": "wandb"}


def chosen_logger(flag: str | None, block: Mapping[str, Any] | None) -> str:
    """Return the logger named by a flag or by ``logger`` in pytorch_config.yaml; the default is csv.

    Warns about keys of ``logger`` that have no effect.

    Raises
    ------
    DlcxError
        If pytorch_config.yaml names another logger, or a key is given twice or not allowed.
    """
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
                    f"pytorch_config.yaml: logger: {key} is not allowed", hint=f"Use logger.{instead} instead."
                )
        _run_options(block)
    return kind


def check_logger(kind: str) -> None:
    """Check that the logger's package is installed, before a network is built.

    Raises
    ------
    DlcxError
        If it is not installed.
    """
    found = sys.modules[kind] if kind in sys.modules else find_spec(kind) if kind != "csv" else kind
    if found is None:
        raise DlcxError(f"--logger {kind}: the package {kind} is not installed", hint=f"pip install {kind}")


def build_logger(kind: str, folder: Path, options: Mapping[str, Any]) -> Logger | None:
    """Create the logger that is used in addition to learning_stats.csv.

    Parameters
    ----------
    kind
        ``csv``, ``tensorboard`` or ``wandb``.
    folder
        Folder of the logger's files.
    options
        Keys of ``logger`` in pytorch_config.yaml.

    Returns
    -------
    Logger or None
        None for ``csv``.
    """
    if kind == "csv":
        return None
    if kind == "tensorboard":
        return TensorBoard(folder / "tensorboard")
    if kind == "wandb":
        return WeightsAndBiases(folder, options)
    raise DlcxError(f"--logger {kind}: no such logger", hint=did_you_mean(kind, KINDS))


class TrainLog:
    """``train.txt``: one line with date and time for each message."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, message: str) -> None:
        """Append a message; it also goes to dlcx's log."""
        logger.info("%s", message)
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n"
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            if is_disk_full(error, self._path.parent):
                raise disk_full_error(self._path, len(line)) from error
            raise DlcxError(f"cannot write {self._path}: {error.strerror or error}") from error
