"""Type and range checks for values from files that may be damaged or written by anyone.

Each function returns the value or raises a ValueError that states what was expected and what was found.  Readers add
the name of the file.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.untrusted_files import MAX_FRAMES, check_claim, open_binary, read_text

if TYPE_CHECKING:
    import pandas as pd

#: The largest float32, which losses, scores and positions cannot exceed.
MAX_FLOAT32 = float(np.finfo(np.float32).max)


def number(value: Any, name: str, low: float = -MAX_FLOAT32, high: float = MAX_FLOAT32) -> float:
    """Return a finite number between ``low`` and ``high``; text and booleans are refused."""
    if isinstance(value, (Real, np.number)) and not isinstance(value, bool):
        found = _as_float(value)
        if low <= found <= high:
            return found
    raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {_shown(value)}")


def integer(value: Any, name: str, low: int = 0, high: int = MAX_FRAMES) -> int:
    """Return an integer between ``low`` and ``high``."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise ValueError(f"{name}: expected an integer from {low} to {high}, got {_shown(value)}")


def text(value: Any, name: str) -> str:
    """Return a text of at least one character."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{name}: expected a name, got {_shown(value)}")


def names(value: Any, name: str) -> tuple[str, ...]:
    """Return a list of names."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(text(one, name) for one in value)
    raise ValueError(f"{name}: expected a list of names, got {_shown(value)}")


def mapping(value: Any, name: str) -> dict[str, Any]:
    """Return a mapping whose keys are text."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise ValueError(f"{name}: expected a mapping, got {_shown(value)}")


def integers(value: Any, name: str, count: int, low: int = 0, high: int = MAX_FRAMES) -> tuple[int, ...]:
    """Return a list of ``count`` integers."""
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == count:
        return tuple(integer(one, name, low, high) for one in value)
    raise ValueError(f"{name}: expected {count} integers, got {_shown(value)}")


def array(value: Any, name: str, shape: Sequence[int | None]) -> np.ndarray:
    """Return an array of numbers of this shape, in which None stands for any length."""
    found = np.asarray(value)
    fits = found.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, found.shape, strict=True))
    if fits and found.dtype.kind in "biuf":
        return found
    sides = ", ".join("any" if side is None else str(side) for side in shape)
    raise ValueError(f"{name}: expected numbers of shape ({sides}), got {found.dtype} of shape {found.shape}")


def cell_number(cell: str, name: str, low: float = -MAX_FLOAT32, high: float = MAX_FLOAT32) -> float:
    """Return the number in a csv cell."""
    try:
        return number(float(cell), name, low, high)
    except ValueError:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {_shown(cell)}") from None


def cell_integer(cell: str, name: str, low: int = 0, high: int = MAX_FRAMES) -> int:
    """Return the integer in a csv cell; ``3.0`` is accepted."""
    return integer(_as_integer(cell_number(cell, name, low, high)), name, low, high)


def csv_rows(path: Path, needed: Sequence[str], *, hint: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a csv as dictionaries by column name.

    Parameters
    ----------
    path
        The file.
    needed
        Columns that must exist.
    hint
        Hint for errors.

    Yields
    ------
    where, row
        File and line, for messages, and the cells of the row; cells missing at its end are ``""``.

    Raises
    ------
    DlcxError
        If the file cannot be read, is not a csv, or lacks one of the columns ``needed``.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="")
    try:
        existing = reader.fieldnames or []
        if missing := [name for name in needed if name not in existing]:
            raise DlcxError(f"{path}: column '{missing[0]}' is missing", hint=hint)
        for row in reader:
            yield f"{path}, line {reader.line_num}", {name: cell for name, cell in row.items() if name}
    except csv.Error as error:
        raise DlcxError(f"{path}, line {reader.line_num}: {error}", hint=hint) from None


def check_csv_extent(path: Path, header: int) -> None:
    """Refuse a csv of many short rows below a wide header, whose table would be far larger than the file.

    Parameters
    ----------
    path
        The file.
    header
        Number of header lines.

    Raises
    ------
    DlcxError
        If the table would be more than 64 times as large as the file.
    """
    with open_binary(path) as file:
        columns = max((file.readline().count(b",") + 1 for _ in range(header)), default=1)
        rows = sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))
    check_claim(path, 8 * columns * rows, "a table", ratio=64)


def numeric(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Convert a table to floating-point numbers.

    Columns that a program filled cell by cell hold Python objects.

    Raises
    ------
    DlcxError
        If a cell holds anything but a number.
    """
    kinds = {np.dtype(kind).kind if isinstance(kind, np.dtype) else "" for kind in table.dtypes}
    if kinds <= {"f"}:
        return table
    try:
        if not kinds <= set("iufO"):
            raise ValueError(f"columns of {sorted(map(str, set(table.dtypes)))}")
        if any(isinstance(cell, (bool, np.bool_)) for cell in _objects(table)):
            raise ValueError("True or False in a cell")
        return table.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise DlcxError(f"{path}: expected numbers ({str(error)[:200]})") from None


def _objects(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the cells of all columns that hold Python objects."""
    for number, kind in enumerate(table.dtypes):
        if kind is np.dtype(object):
            yield from table.iloc[:, number]


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _as_integer(value: float) -> Any:
    return int(value) if value == int(value) else value


def _shown(value: Any) -> str:
    """Return a short description of a value; for containers only the type, because they may be nested endlessly."""
    if isinstance(value, (str, bytes, int, float, type(None))):
        try:
            return repr(value)[:60]
        except ValueError:  # more digits than Python converts to text
            return "a very large number"
    return f"a {type(value).__name__}"
