"""``dlcx-resume.pt``: the complete state of a training, from which it resumes with identical results.

::

    {"version": 1, "epoch": completed epochs, "batches": completed batches of the next epoch, "sums": their summed
    losses,
     "model", "optimizer", "scheduler", "scaler": state dicts, "random": states of random generators,
     "best": {score, epoch, waited} or None, "recipe": settings of the training,
     "job": name of the scheduler's job that wrote it, or ""}

The file is written atomically. It holds tensors and plain types only, so that reading it cannot run code.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlcx.errors import DlcxError
from dlcx.formats.weights.torch_files import load_torch
from dlcx.outputs import atomic_file

VERSION = 1
HINT = "Delete it to resume from the last snapshot, or start over with --resume none --overwrite."


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Write the resume state."""
    with atomic_file(path, sum(tensor.nbytes for tensor in state.get("model", {}).values())) as beside:
        torch.save({"version": VERSION, **state}, beside)


def read_state(path: Path) -> dict[str, Any]:
    """Read a resume state; tensors are on the CPU.

    Raises
    ------
    DlcxError
        If the file cannot be read or has another version.
    """
    try:
        state = load_torch(path)
    except DlcxError as error:
        raise DlcxError(str(error), hint=HINT) from None
    except Exception as error:  # a corrupt zip or pickle can raise anything
        reason = (str(error).strip() or repr(error)).splitlines()[0][:200]
        raise DlcxError(f"{path}: cannot be read: {reason}", hint=HINT) from error
    if not isinstance(state, dict) or state.get("version") != VERSION:
        found = state.get("version") if isinstance(state, dict) else type(state).__name__
        raise DlcxError(f"{path}: expected a training state of version {VERSION}, got {found!r:.60}", hint=HINT)
    if not isinstance(state.get("model"), dict) or not isinstance(state.get("recipe"), dict):
        raise DlcxError(f"{path}: expected a training state with weights ('model') and settings ('recipe')", hint=HINT)
    return state


def random_states() -> dict[str, Any]:
    """Return the states of the random generators that layers may use, for example for dropout."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the generator that third-party layers use
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Restore the states that :func:`random_states` returned."""
    random.setstate(states["python"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def seed_all(seed: int) -> None:
    """Seed the random generators that layers may use; equal seeds give equal initial weights."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002
    torch.manual_seed(seed)
