"""Two individuals of a file of tracks changed in place: h5 and csv keep key, kind and everything else.

What filtered poses were made of and how stays written in them: the same filter leaves them, and the swap, alone, and
another one is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError, did_you_mean
from dlcx.formats.pose_tables import read_csv, read_h5, read_origin, split_columns, stored_key, write_csv, write_h5


def swap_individuals(path: Path, one: str, other: str, first: int, last: int | None) -> tuple[Path, int, int]:
    """Swap two individuals in the frames ``first`` to ``last``, both included; the csv beside an h5 is written anew.

    Returns
    -------
    tuple
        The file that was changed, and the first and last of the changed frames.

    Raises
    ------
    DlcxError
        When the file cannot be read or written, has no such individual, or none of the frames.
    """
    h5 = Path(path).with_suffix(".h5")
    path = h5 if h5.is_file() else Path(path)
    frame = read_csv(path) if path.suffix == ".csv" else read_h5(path)
    _, layout = split_columns(frame.columns, path)
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
    owner = frame.columns.get_level_values("individuals")
    values = frame.to_numpy(copy=True)
    columns = [np.flatnonzero(owner == name) for name in (one, other)]
    mine, its = (values[np.ix_(chosen, held)] for held in columns)
    values[np.ix_(chosen, columns[0])], values[np.ix_(chosen, columns[1])] = its, mine
    changed = pd.DataFrame(values, index=frame.index, columns=frame.columns)
    csv = path.with_suffix(".csv")
    if path.suffix != ".csv":
        key, table = stored_key(path)
        write_h5(changed, path, key=key, table=table, origin=read_origin(path))
    if csv.is_file():
        write_csv(changed, csv)
    return path, int(frame.index[chosen][0]), int(frame.index[chosen][-1])
