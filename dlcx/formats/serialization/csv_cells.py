"""Cells of csv files that other programs write: which of them hold no number, and where a wrong one stands.

Spreadsheets, R, MATLAB, databases and pandas each have a word for a number that is missing.  The words are those that
pandas, and so DeepLabCut, reads as nan; here in any case, with or without blanks around them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.untrusted_files import open_text

#: What a cell without a number holds, in lower case.
MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "null", "none"}
    | {"1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"}
)
#: The same for ``pandas.read_csv``, which tells upper from lower case, and a word from one that a blank follows.
PANDAS_MISSING = sorted(
    spelling + end for word in MISSING - {""} for spelling in {word, word.upper(), word.title()} for end in ("", " ")
)


def is_missing(cell: str) -> bool:
    """Whether a cell holds no number: it is empty, or one of the words for that."""
    return cell.strip().lower() in MISSING


def cell_value(cell: str) -> float:
    """The number in a cell; nan where it holds none.

    Python takes ``8_25`` and digits of other scripts for numbers too, which no program writes: those are mistakes.

    Raises
    ------
    ValueError
        When it holds something else.
    """
    if is_missing(cell):
        return float("nan")
    if not cell.isascii() or "_" in cell:
        raise ValueError(f"expected a number, got {cell!r:.60}")
    return float(cell)


def row_values(cells: Sequence[str], names: Sequence[str], first: int, where: str) -> list[float]:
    """The numbers of a row.

    Parameters
    ----------
    cells
        Those of the row that hold numbers.
    names
        What the column of each is called.
    first
        The number of the first column, from 1.
    where
        The file and the row, for the message.

    Raises
    ------
    DlcxError
        Names file, row and column of the first cell that holds something else.
    """
    try:
        return [cell_value(cell) for cell in cells]
    except ValueError:
        wrong = next(number for number, cell in enumerate(cells) if not _is_number(cell))
        raise DlcxError(
            f"{where}, column {first + wrong} ({names[wrong]}): expected a number, got {cells[wrong]!r:.60}",
            hint="Leave the cell empty where nothing is labeled; decimals take a point.",
        ) from None


def find_wrong_cell(path: Path, header: int) -> DlcxError | None:
    """The error for the first cell of a table that holds no number, from its second column and line ``header`` on.

    None where every cell does, or the file is no csv.
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
