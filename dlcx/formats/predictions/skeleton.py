"""``<video><scorer>_skeleton.h5`` and ``.csv``: length and orientation of the bones in every frame.

::

        ann_snout_back                          two levels without names; no individual for a single animal
        length   orientation  likelihood
    0   38.48    119.41       0.53

Key ``df_with_missing``, table format of pandas.  The length is in pixels.  The orientation is that of the arrow from
the first bodypart to the second, in degrees from 0 to 360, clockwise from the right of the image because y points
down.  The likelihood is the lower one of the two bodyparts.  Format: DeepLabCut 3.0.2.
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
    """Write the bones of T frames.

    Parameters
    ----------
    bones
        Names of the B bones.
    values
        Length in pixels, orientation in degrees and likelihood (T, B, 3).
    path_h5
        The h5 to write; the csv is written beside it.
    first
        Number of the first frame.
    csv
        Whether to write the csv.
    origin
        Description of the source of the values, see :func:`dlcx.formats.predictions.pose_tables.write_h5`.

    Raises
    ------
    DlcxError
        If a file cannot be written.
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
    """Read the names of the B bones and their values (T, B, 3): length, orientation, likelihood.

    Raises
    ------
    DlcxError
        If the file is missing or is not such a table.
    """
    frame = read_h5(path)
    bones = tuple(dict.fromkeys(map(str, frame.columns.get_level_values(0))))
    ordered = frame[[(bone, column) for bone in bones for column in COLUMNS]]
    return bones, ordered.to_numpy(np.float64).reshape(len(frame), len(bones), 3)
