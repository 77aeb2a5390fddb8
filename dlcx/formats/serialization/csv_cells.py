"""Cells of csv files written by other programs: missing values, and the location of cells that are not numbers.

Spreadsheets, R, MATLAB, databases and pandas each have a word for a missing number.  This module accepts the words that
pandas, and thus DeepLabCut, reads as nan, in any case and with spaces around them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.untrusted_files import open_text

#: Words for a missing number, in lower case.
MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "null", "none"}
    | {"1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"}
)
#: The same words for ``pandas.read_csv``, which distinguishes case and trailing spaces.
PANDAS_MISSING = sorted(
    spelling + end for word in MISSING - {""} for spelling in {word, word.upper(), word.title()} for end in ("", " ")
)


def is_missing(cell: str) -> bool:
    """Return whether a cell is empty or holds a word for a missing number."""
    return cell.strip().lower() in MISSING


def cell_value(cell: str) -> float:
    """Return the number in a cell; nan if it is missing.

    Python also accepts ``8_25`` and digits of other scripts as numbers.  No program writes them, so they are refused as
    mistakes.

    Raises
    ------
    ValueError
        If the cell holds anything else.
    """
    if is_missing(cell):
        return float("nan")
    if not cell.isascii() or "_" in cell:
        raise ValueError(f"expected a number, got {cell!r:.60}")
    return float(cell)


def row_values(cells: Sequence[str], names: Sequence[str], first: int, where: str) -> list[float]:
    """Return the numbers in a row.

    Parameters
    ----------
    cells
        The cells of the row that hold numbers.
    names
        Name of the column of each cell.
    first
        Number of the first column, from 1, for messages.
    where
        File and row, for messages.

    Raises
    ------
    DlcxError
        If a cell does not hold a number; the message names file, row and column.
    """
    try:
        return [cell_value(cell) for cell in cells]
    except ValueError:
        wrong = next(number for number, cell in enumerate(cells) if not _is_number(cell))
        raise DlcxError(
            f"{where}, column {first + wrong} ({names[wrong]}): expected a number, got {cells[wrong]!r:.60}",
            hint="Leave the cell empty if the point is not labeled. Write decimals with a point.",
        ) from None


def find_wrong_cell(path: Path, header: int) -> DlcxError | None:
    """Return the error for the first cell that is not a number, or None if there is none or the file is not a csv.

    The first column and the first ``header`` lines hold names.
    """
    try:
        with open_text(path) as text:
            reader = csv.reader(text)
            heads = [next(reader, []) for _ in range(header)]
            for cells in reader:
                names = [" ".join(head[at] for head in heads[1:] if at < len(head)) for at in range(len(cells))]
                row_values(cells[1:], names[1:], 2, f"{path}, row {reader.line_num}")
    except DlcxError as error:
        return error
    except (OSError, ValueError, csv.Error):
        return None
    return None


def _is_number(cell: str) -> bool:
    try:
        cell_value(cell)
    except ValueError:
        return False
    return True
