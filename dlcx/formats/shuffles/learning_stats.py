"""``learning_stats.csv``: losses and metrics of each epoch of training.

::

    step,losses/eval.total_loss,losses/train.total_loss,metrics/test.mAP,...
    1,,0.0467,,...
    2,0.0604,0.0395,12.5,...

The header is ``step`` and the sorted names of all values.  A cell is empty if the epoch has no such value.  After
resuming, DeepLabCut's rows may be out of order or hold an epoch twice; reading sorts them and keeps the last row of an
epoch.  Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import cell_integer, cell_number, csv_rows
from dlcx.formats.serialization.csv_cells import is_missing
from dlcx.outputs import write_text

Row = Mapping[str, float]


def read_learning_stats(path: Path) -> list[dict[str, float]]:
    """Read the history of a training.

    Returns
    -------
    list of dict
        One row per epoch with ``step`` (int) and the values of all cells that are not empty.  The list is empty if the
        file does not exist.

    Raises
    ------
    DlcxError
        If a cell is not a number, or the column ``step`` is missing.
    """
    path = Path(path)
    if not path.is_file():
        return []
    rows = []
    for where, cells in csv_rows(path, ("step",)):
        try:
            row = {name: _number(cell, name) for name, cell in cells.items() if cell and name != "step"}
            rows.append({**row, "step": cell_integer(cells["step"], "step")})
        except ValueError as error:
            raise DlcxError(f"{where}: {str(error)[:200]}") from None
    return _in_order(rows)


def _number(cell: str, name: str) -> float:
    """Return a finite number, or nan for a metric that is undefined."""
    return math.nan if is_missing(cell) else cell_number(cell, name)


def write_learning_stats(rows: Iterable[Row], path: Path) -> None:
    """Write the complete history of a training.

    Parameters
    ----------
    rows
        One row per epoch with ``step`` and values; different rows may have different values.
    path
        The file to write.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    ordered = _in_order(rows)
    names = sorted({name for row in ordered for name in row if name != "step"})
    text = io.StringIO()
    writer = csv.DictWriter(text, ["step", *names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(ordered)
    write_text(Path(path), text.getvalue())


def _in_order(rows: Iterable[Row]) -> list[dict[str, float]]:
    by_step = {int(row["step"]): {**row, "step": int(row["step"])} for row in rows}
    return [by_step[step] for step in sorted(by_step)]
