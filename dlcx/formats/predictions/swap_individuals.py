"""Swap two individuals in a file of tracks, keeping its key, its format and everything else.

The note on the source of filtered poses is kept.  Filtering again with the same settings therefore finds the file up to
date and keeps the swap, while other settings are refused.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.predictions.pose_tables import (
    read_csv,
    read_h5,
    read_origin,
    split_table,
    stored_key,
    write_csv,
    write_h5,
)
from dlcx.locks import exclusive_edit
from dlcx.outputs import fit_file_name, remove, write_text
from dlcx.untrusted_files import read_json


@dataclass(frozen=True)
class Swap:
    """A swap of two individuals in the frames ``first`` to ``last``; ``token`` identifies this one swap."""

    one: str
    other: str
    first: int
    last: int
    token: str


def swap_individuals(
    path: Path, one: str, other: str, first: int, last: int | None, note: Callable[[Path, Swap], None]
) -> tuple[Path, Swap]:
    """Swap two individuals in a range of frames, in the h5 and in the csv beside it.

    If a process is killed after it has written the swap, running the same command again completes it and does not swap
    the individuals back.

    Parameters
    ----------
    path
        An h5 or csv of tracks.  If both exist, the h5 is read.
    one, other
        Names of the individuals.
    first, last
        First and last frame, both included; None means the end of the video.
    note
        Called with the file and the swap after both files are written.  After a kill, it may be called twice with the
        same swap.

    Returns
    -------
    tuple
        The file that was changed, and the swap.

    Raises
    ------
    DlcxError
        If the file cannot be read or written, or lacks one of the individuals or all of the frames.
    """
    h5 = Path(path).with_suffix(".h5")
    path = h5 if h5.is_file() else Path(path)
    with exclusive_edit(path, path.with_suffix(".csv")):
        frame, _, _ = split_table(read_csv(path) if path.suffix == ".csv" else read_h5(path), path)
        chosen = _chosen(frame, path, one, other, first, last)
        frames = frame.index[chosen]
        swap = Swap(one, other, int(frames[0]), int(frames[-1]), uuid.uuid4().hex)
        if (interrupted := _interrupted(path, frame)) is not None:
            _finish(path, frame, interrupted, note)
            if replace(interrupted, token=swap.token) == swap:
                return path, interrupted
        changed = _swapped(frame, chosen, one, other)
        write_text(_journal(path), json.dumps({**asdict(swap), "after": _digest(changed)}) + "\n")
        if path.suffix != ".csv":
            key, table = stored_key(path)
            write_h5(changed, path, key=key, table=table, origin=read_origin(path))
        _finish(path, changed, swap, note)
    return path, swap


def _chosen(frame: pd.DataFrame, path: Path, one: str, other: str, first: int, last: int | None) -> np.ndarray:
    """Return which rows of the file are to be swapped."""
    _, _, layout = split_table(frame, path)
    if not layout.multi:
        raise DlcxError(f"{path}: tracks of one animal, so there is nothing to swap")
    for name in (one, other):
        if name not in layout.individuals:
            raise DlcxError(f"{path} has no individual {name}", hint=did_you_mean(name, layout.individuals))
    if one == other:
        raise DlcxError(f"{one} cannot be swapped with itself")
    chosen = (frame.index >= first) & (frame.index <= (frame.index[-1] if last is None else last))
    if not chosen.any():
        existing = f"{frame.index[0]} to {frame.index[-1]}" if len(frame) else "none"
        raise DlcxError(f"{path} has no frames from {first} to {'the end' if last is None else last}, but {existing}")
    return np.asarray(chosen)


def _swapped(frame: pd.DataFrame, chosen: np.ndarray, one: str, other: str) -> pd.DataFrame:
    owner = frame.columns.get_level_values("individuals")
    values = frame.to_numpy(copy=True)
    columns = [np.flatnonzero(owner == name) for name in (one, other)]
    of_one, of_other = (values[np.ix_(chosen, numbers)] for numbers in columns)
    values[np.ix_(chosen, columns[0])], values[np.ix_(chosen, columns[1])] = of_other, of_one
    return pd.DataFrame(values, index=frame.index, columns=frame.columns)


def _finish(path: Path, changed: pd.DataFrame, swap: Swap, note: Callable[[Path, Swap], None]) -> None:
    """Write the csv and call ``note``, once the h5 holds the swap."""
    csv = path.with_suffix(".csv")
    if csv.is_file():
        write_csv(changed, csv)
    note(path, swap)
    remove(_journal(path))


def _interrupted(path: Path, frame: pd.DataFrame) -> Swap | None:
    """Return the swap that a killed process wrote into the h5 but did not complete, or None."""
    try:
        data = read_json(_journal(path))
        swap = Swap(data["one"], data["other"], int(data["first"]), int(data["last"]), data["token"])
        return swap if data["after"] == _digest(frame) else None
    except (DlcxError, ValueError, KeyError, TypeError):
        return None


def _journal(path: Path) -> Path:
    """Return the file in which a swap is recorded before it is written."""
    return path.with_name(fit_file_name(f".{path.name}", ".swapping.json"))


def _digest(frame: pd.DataFrame) -> str:
    return hashlib.sha256(np.ascontiguousarray(frame.to_numpy(np.float64)).tobytes()).hexdigest()
