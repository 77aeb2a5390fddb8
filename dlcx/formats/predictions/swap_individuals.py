"""Two individuals of a file of tracks changed in place: h5 and csv keep key, kind and everything else.

What filtered poses were made of and how stays written in them: the same filter leaves them, and the swap, alone, and
another one is refused.
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
    """What a call has swapped: two individuals in the frames ``first`` to ``last``; ``token`` tells it from others."""

    one: str
    other: str
    first: int
    last: int
    token: str


def swap_individuals(
    path: Path, one: str, other: str, first: int, last: int | None, note: Callable[[Path, Swap], None]
) -> tuple[Path, Swap]:
    """Swap two individuals in the frames ``first`` to ``last``, both included; the csv beside an h5 is written anew.

    Where a call was killed after it had swapped them, the same call finishes it: it must not swap them back.

    Parameters
    ----------
    path
        An h5 or csv of tracks; of the two that lie beside each other the h5 leads.
    one, other, first, last
        The individuals, and the frames; None: to the end.
    note
        Called with the file and the swap when the files are written; twice with the same swap after a kill.

    Returns
    -------
    tuple
        The file that was changed, and the swap.

    Raises
    ------
    DlcxError
        When the file cannot be read or written, has no such individual, or none of the frames.
    """
    h5 = Path(path).with_suffix(".h5")
    path = h5 if h5.is_file() else Path(path)
    with exclusive_edit(path, path.with_suffix(".csv")):
        frame, _, _ = split_table(read_csv(path) if path.suffix == ".csv" else read_h5(path), path)
        chosen = _chosen(frame, path, one, other, first, last)
        held = frame.index[chosen]
        swap = Swap(one, other, int(held[0]), int(held[-1]), uuid.uuid4().hex)
        if (begun := _begun(path, frame)) is not None:
            _finish(path, frame, begun, note)
            if replace(begun, token=swap.token) == swap:
                return path, begun
        changed = _swapped(frame, chosen, one, other)
        write_text(_journal(path), json.dumps({**asdict(swap), "after": _digest(changed)}) + "\n")
        if path.suffix != ".csv":
            key, table = stored_key(path)
            write_h5(changed, path, key=key, table=table, origin=read_origin(path))
        _finish(path, changed, swap, note)
    return path, swap


def _chosen(frame: pd.DataFrame, path: Path, one: str, other: str, first: int, last: int | None) -> np.ndarray:
    """Which rows of the file are to change."""
    _, _, layout = split_table(frame, path)
    if not layout.multi:
        raise DlcxError(f"{path}: poses of one animal: there is nothing to swap")
    for name in (one, other):
        if name not in layout.individuals:
            raise DlcxError(f"{path} has no individual {name}", hint=did_you_mean(name, layout.individuals))
    if one == other:
        raise DlcxError(f"{one} cannot be swapped with itself")
    chosen = (frame.index >= first) & (frame.index <= (frame.index[-1] if last is None else last))
    if not chosen.any():
        held = f"{frame.index[0]} to {frame.index[-1]}" if len(frame) else "none"
        raise DlcxError(f"{path} has no frames from {first} to {'the end' if last is None else last}, but {held}")
    return np.asarray(chosen)


def _swapped(frame: pd.DataFrame, chosen: np.ndarray, one: str, other: str) -> pd.DataFrame:
    owner = frame.columns.get_level_values("individuals")
    values = frame.to_numpy(copy=True)
    columns = [np.flatnonzero(owner == name) for name in (one, other)]
    mine, its = (values[np.ix_(chosen, held)] for held in columns)
    values[np.ix_(chosen, columns[0])], values[np.ix_(chosen, columns[1])] = its, mine
    return pd.DataFrame(values, index=frame.index, columns=frame.columns)


def _finish(path: Path, changed: pd.DataFrame, swap: Swap, note: Callable[[Path, Swap], None]) -> None:
    """What follows when the h5 holds the swap: the csv, and the note of it."""
    csv = path.with_suffix(".csv")
    if csv.is_file():
        write_csv(changed, csv)
    note(path, swap)
    remove(_journal(path))


def _begun(path: Path, frame: pd.DataFrame) -> Swap | None:
    """The swap that a killed process has written into the h5 without finishing; the csv alone is written at once."""
    try:
        data = read_json(_journal(path))
        swap = Swap(data["one"], data["other"], int(data["first"]), int(data["last"]), data["token"])
        return swap if data["after"] == _digest(frame) else None
    except (DlcxError, ValueError, KeyError, TypeError):
        return None


def _journal(path: Path) -> Path:
    """Where a call notes what it is about to swap."""
    return path.with_name(fit_file_name(f".{path.name}", ".swapping.json"))


def _digest(frame: pd.DataFrame) -> str:
    return hashlib.sha256(np.ascontiguousarray(frame.to_numpy(np.float64)).tobytes()).hexdigest()
