"""Whether two analyses of a video left the same: arrays of every file, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlcx.formats.serialization.pickles import Stub, load_plain_pickle


def differences(one: Path, other: Path) -> list[str]:
    """What differs between the files of two folders; when and for how long they were made does not count."""
    mine, theirs = ({path.name: path for path in folder.iterdir() if path.is_file()} for folder in (one, other))
    found = [f"only in one folder: {name}" for name in sorted(mine.keys() ^ theirs.keys())]
    return found + [name for name in sorted(mine.keys() & theirs.keys()) if not same_file(mine[name], theirs[name])]


def same_file(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    if one.suffix == ".h5":
        mine, its = pd.read_hdf(one), pd.read_hdf(other)
        same_labels = mine.columns.equals(its.columns) and mine.index.equals(its.index)
        return same_labels and same_values(mine.to_numpy(), its.to_numpy())
    if one.suffix == ".pickle":
        mine, its = (load_plain_pickle(path, foreign=True) for path in (one, other))
        if one.stem.endswith("_meta"):
            for content in (mine, its):
                for key in ("start", "stop", "run_duration"):
                    content["data"].pop(key)
        return same_values(mine, its)
    return one.read_bytes() == other.read_bytes()


def same_values(one: Any, other: Any) -> bool:
    """Whether two nested values are the same, nan equal to nan."""
    if isinstance(one, Stub):
        return (repr(one), repr(one.state)) == (repr(other), repr(other.state))
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same_values(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same_values(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return bool(one == other) or (one != one and other != other)
