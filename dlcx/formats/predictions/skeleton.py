"""``<video><scorer>_skeleton.h5`` and ``.csv``: bones in every frame, as DeepLabCut 3.0.2 writes them.

::

        ann_snout_back                          two levels without names; no individual for a lone animal
        length   orientation  likelihood
    0   38.48    119.41       0.53

Key ``df_with_missing``, pandas' table format.  The length is in pixels; the orientation that of the arrow from the
first bodypart to the second, in degrees from 0 to 360, clockwise from the image's right, as y grows downwards; the
likelihood the lesser one of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.formats.predictions.pose_tables import read_h5, write_csv, write_h5
from dlcx.outputs import marked_outdated

COLUMNS = ("length", "orientation", "likelihood")


def write_skeleton(
    bones: Sequence[str], values: np.ndarray, path_h5: Path, *, first: int = 0, csv: bool = True, origin: str = ""
) -> None:
    """Write values (T, B, 3) of B bones: length, orientation and likelihood; the first row is frame ``first``.

    Raises
    ------
    DlcxError
        When a file cannot be written.
    """
    frame = pd.DataFrame(
        values.reshape(len(values), -1).astype(np.float64),
        index=pd.RangeIndex(first, first + len(values)).astype(np.int64),
        columns=pd.MultiIndex.from_product([bones, COLUMNS]),
    )
    text = Path(path_h5).with_suffix(".csv")
    with marked_outdated(text) if csv else nullcontext():
        write_h5(frame, path_h5, table=True, origin=origin)
        if csv:
            frame.columns = frame.columns.set_names(["", ""])
            write_csv(frame, text)


def read_skeleton(path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """The bones' names and values (T, B, 3) of such an h5.

    Raises
    ------
    DlcxError
        When the file is missing or no table.
    """
    frame = read_h5(path)
    bones = tuple(dict.fromkeys(map(str, frame.columns.get_level_values(0))))
    ordered = frame[[(bone, column) for bone in bones for column in COLUMNS]]
    return bones, ordered.to_numpy(np.float64).reshape(len(frame), len(bones), 3)
