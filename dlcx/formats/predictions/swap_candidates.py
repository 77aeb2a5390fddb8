"""``<video><scorer>_el_swaps.csv``: frames in which two tracks may have been swapped; specific to dlcx.

::

    frame,score,one,other
    1204,0.83,mouse1,mouse3

``frame`` is the first frame to swap back, ``score`` lies between 0 and 1, ``one`` and ``other`` are individuals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import cell_integer, cell_number, csv_rows, text
from dlcx.outputs import write_text
from dlcx.poses import SwapCandidate

_COLUMNS = ("frame", "score", "one", "other")


def write_swap_candidates(candidates: Sequence[SwapCandidate], path: Path) -> None:
    """Write a table of likely swaps.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    content = io.StringIO()
    rows = csv.writer(content, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((swap.frame, f"{swap.score:.3f}", swap.one, swap.other) for swap in candidates)
    write_text(path, content.getvalue())


def read_swap_candidates(path: Path) -> tuple[SwapCandidate, ...]:
    """Read a table of likely swaps.

    Raises
    ------
    DlcxError
        If the file is missing or is not such a table.
    """
    found = []
    for where, row in csv_rows(path, _COLUMNS):
        try:
            frame, score = cell_integer(row["frame"], "frame"), cell_number(row["score"], "score", 0, 1)
            found.append(SwapCandidate(frame, score, text(row["one"], "one"), text(row["other"], "other")))
        except ValueError as error:
            raise DlcxError(f"{where}: expected columns {', '.join(_COLUMNS)} ({error})") from None
    return tuple(found)
