"""``dlcx-resume.pt``: all that a training needs to go on as if it had never stopped.

::

    {"version": 1, "epoch": epochs done, "batches": batches done of the next epoch, "sums": their summed losses,
     "model", "optimizer", "scheduler", "scaler": state dicts, "random": generator states,
     "best": {score, epoch, waited} or None, "recipe": the settings it was trained with,
     "job": the job of a scheduler that saved it, or ""}

Written whole or not at all; tensors and plain types only, so that reading it cannot run code.
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
HINT = "Delete it to go on from the last snapshot, or start over with --resume none --overwrite."


def write_state(state: Mapping[str, Any], path: Path) -> None:
    """Save a training's state."""
    with atomic_file(path, sum(tensor.nbytes for tensor in state.get("model", {}).values())) as beside:
        torch.save({"version": VERSION, **state}, beside)


def read_state(path: Path) -> dict[str, Any]:
    """The state of a training, tensors on the CPU.

    Raises
    ------
    DlcxError
        When the file cannot be read, or another version of dlcx wrote it in another form.
    """
    try:
        state = load_torch(path)
    except DlcxError as error:
        raise DlcxError(str(error), hint=HINT) from None
    except Exception as error:  # a broken zip or pickle can raise anything
        reason = (str(error).strip() or repr(error)).splitlines()[0][:200]
        raise DlcxError(f"{path}: cannot be read: {reason}", hint=HINT) from error
    if not isinstance(state, dict) or state.get("version") != VERSION:
        found = state.get("version") if isinstance(state, dict) else type(state).__name__
        raise DlcxError(f"{path}: expected a training state of version {VERSION}, got {found!r:.60}", hint=HINT)
    if not isinstance(state.get("model"), dict) or not isinstance(state.get("recipe"), dict):
        raise DlcxError(f"{path}: expected a training state with weights ('model') and settings ('recipe')", hint=HINT)
    return state


def random_states() -> dict[str, Any]:
    """States of the generators that layers may draw from (dropout, drop path)."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - what others' layers would draw from
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Put the generators back to where :func:`random_states` saw them."""
    random.setstate(states["python"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def seed_all(seed: int) -> None:
    """Seed the generators that layers may draw from; the same seed gives the same first weights."""
    random.seed(seed)
    np.random.seed(seed % (1 << 32))  # noqa: NPY002
    torch.manual_seed(seed)
