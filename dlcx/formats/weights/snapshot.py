"""``snapshot-*.pt``: network weights as DeepLabCut 3.0.2 saves them with ``torch.save``.

::

    {"metadata": {"epoch": int, "metrics": {name: float}, "losses": {name: float}},
     "model": OrderedDict of tensors,
     "scheduler": dict,          only if a scheduler is used
     "optimizer": dict}          only if the configuration asks for it

Names of metrics are those of learning_stats.csv (``metrics/test.mAP``); names of losses are without ``losses/``
(``train.total_loss``).  The file holds neither the configuration nor names of bodyparts.  Files are read with
``weights_only=True``, so that a snapshot from a stranger cannot run code.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.weights.torch_files import load_torch
from dlcx.outputs import atomic_file
from dlcx.untrusted_files import open_binary

if TYPE_CHECKING:
    from torch import Tensor

# Types of numpy numbers in the metadata of old snapshots, which are safe to unpickle.
_NUMPY_NUMBERS: list[Any] = [np.dtype, *{type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "b1")}]


@dataclass(frozen=True)
class SnapshotFile:
    """The content of a snapshot: state dicts on the CPU, and numbers; what the file lacks is None."""

    model: Mapping[str, Tensor]
    epoch: int = 0
    metrics: Mapping[str, float] | None = None
    losses: Mapping[str, float] | None = None
    scheduler: Mapping[str, Any] | None = None
    optimizer: Mapping[str, Any] | None = None


def write_snapshot(
    path: Path,
    *,
    model: Mapping[str, Tensor],
    epoch: int,
    metrics: Mapping[str, float],
    losses: Mapping[str, float],
    scheduler: Mapping[str, Any] | None = None,
    optimizer: Mapping[str, Any] | None = None,
) -> None:
    """Write a snapshot completely or not at all.

    Parameters
    ----------
    path
        The file to write.
    model
        State dict of the network.
    epoch
        Number of epochs trained.
    metrics, losses
        Values at this epoch, by name.
    scheduler, optimizer
        State dicts to include.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    import torch

    content: dict[str, Any] = {
        "metadata": {
            "epoch": int(epoch),
            "metrics": {name: float(value) for name, value in metrics.items()},
            "losses": {name: float(value) for name, value in losses.items()},
        },
        "model": OrderedDict(model),
    }
    if scheduler is not None:
        content["scheduler"] = dict(scheduler)
    if optimizer is not None:
        content["optimizer"] = dict(optimizer)
    with atomic_file(Path(path), sum(tensor.nbytes for tensor in model.values())) as temporary:
        torch.save(content, temporary)


def read_snapshot(path: Path) -> SnapshotFile:
    """Read a snapshot of DeepLabCut or dlcx.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, holds objects other than tensors and numbers, or has no state dict ``model``.
    """
    from dlcx.formats.weights.tensor_checks import check_plain

    path = Path(path)
    content = load_tensors(path)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        keys: object = type(content).__name__
        if isinstance(content, dict):
            keys = f"{', '.join(sorted(f'{key!s:.60}' for key in content)[:5])}{', ...' if len(content) > 5 else ''}"
        raise DlcxError(
            f"snapshot {path}: expected a dictionary with the key 'model', got {keys}",
            hint="Give backbone weights (timm) to `dlcx create-dataset` with --weights.",
        )
    check_plain(content["model"], f"snapshot {path}")
    metadata = content.get("metadata") or {}
    try:
        return SnapshotFile(
            model=content["model"],
            epoch=int(metadata.get("epoch", 0)),
            metrics=_floats(metadata.get("metrics")),
            losses=_floats(metadata.get("losses")),
            scheduler=content.get("scheduler"),
            optimizer=content.get("optimizer"),
        )
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise DlcxError(f"snapshot {path}: its metadata has the wrong type ({str(error)[:200]})") from None


def is_checkpoint(path: Path) -> bool:
    """Return whether the first bytes of a file are those of a zip archive or a pickle, as ``torch.save`` writes."""
    with open_binary(path) as file:
        head = file.read(2)
    return head == b"PK" or head[:1] == b"\x80"


def load_tensors(path: Path) -> Any:
    """Read the tensors and numbers in a file of ``torch.save`` to the CPU, without running code.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, or holds other objects.
    """
    path = Path(path)
    if not path.exists():
        raise DlcxError(f"snapshot {path}: no such file")
    try:
        return load_torch(path, [*_numpy_scalar(), *_NUMPY_NUMBERS, _yaml_number()])
    except DlcxError:
        raise
    except Exception as error:  # a damaged zip or pickle raises errors of any type
        reason = (str(error).strip() or repr(error)).splitlines()[0][:200]
        if isinstance(error, pickle.UnpicklingError):  # the message of torch suggests loading it unsafely
            reason = "it holds more than tensors and numbers"
        raise DlcxError(
            f"snapshot {path}: cannot be read as weights ({reason})",
            hint="The file may be truncated, or hold objects other than tensors and numbers, which dlcx never loads.",
        ) from error


def _floats(numbers: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (numbers or {}).items()}


def _numpy_scalar() -> list[Any]:
    """Return the function that unpickles numpy numbers, under its names in numpy 1 and 2."""
    scalar = np._core.multiarray.scalar if hasattr(np, "_core") else np.core.multiarray.scalar  # type: ignore[attr-defined]
    return [(scalar, "numpy._core.multiarray.scalar"), (scalar, "numpy.core.multiarray.scalar")]


def _yaml_number() -> Any:
    """Return the float type of ruamel.yaml, which some published checkpoints contain."""
    from ruamel.yaml.scalarfloat import ScalarFloat

    return ScalarFloat
