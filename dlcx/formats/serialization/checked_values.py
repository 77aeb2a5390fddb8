"""Values of files that others may have written or damaged, checked for type and range when they are read.

Each function returns the value or raises ValueError, which says what was expected; readers add the file's name.
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

#: Largest number that a net's loss, a score or a position can be: those are float32.
LARGEST = float(np.finfo(np.float32).max)


def number(value: Any, name: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """A finite number from ``low`` to ``high``; no text, no truth value."""
    if isinstance(value, (Real, np.number)) and not isinstance(value, bool):
        found = _as_float(value)
        if low <= found <= high:
            return found
    raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {_shown(value)}")


def whole(value: Any, name: str, low: int = 0, high: int = MAX_FRAMES) -> int:
    """A whole number from ``low`` to ``high``."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise ValueError(f"{name}: expected a whole number from {low} to {high}, got {_shown(value)}")


def text(value: Any, name: str) -> str:
    """A text of at least one character."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{name}: expected a name, got {_shown(value)}")


def names(value: Any, name: str) -> tuple[str, ...]:
    """A list of names."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(text(one, name) for one in value)
    raise ValueError(f"{name}: expected a list of names, got {_shown(value)}")


def mapping(value: Any, name: str) -> dict[str, Any]:
    """A mapping with names as keys."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise ValueError(f"{name}: expected a mapping, got {_shown(value)}")


def wholes(value: Any, name: str, count: int, low: int = 0, high: int = MAX_FRAMES) -> tuple[int, ...]:
    """A list of ``count`` whole numbers."""
    if isinstance(value, (list, tuple, np.ndarray)) and len(value) == count:
        return tuple(whole(one, name, low, high) for one in value)
    raise ValueError(f"{name}: expected {count} whole numbers, got {_shown(value)}")


def array(value: Any, name: str, shape: Sequence[int | None]) -> np.ndarray:
    """An array of numbers of this shape; None is any length."""
    found = np.asarray(value)
    fits = found.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, found.shape, strict=True))
    if fits and found.dtype.kind in "biuf":
        return found
    sides = ", ".join("any" if side is None else str(side) for side in shape)
    raise ValueError(f"{name}: expected numbers of shape ({sides}), got {found.dtype} of shape {found.shape}")


def cell_number(cell: str, name: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """The number in a cell of a csv."""
    try:
        return number(float(cell), name, low, high)
    except ValueError:
        raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, got {_shown(cell)}") from None


def cell_integer(cell: str, name: str, low: int = 0, high: int = MAX_FRAMES) -> int:
    """The whole number in a cell of a csv; ``3.0`` is one."""
    return whole(_whole_float(cell_number(cell, name, low, high)), name, low, high)


def csv_rows(path: Path, needed: Sequence[str], *, hint: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a csv by the names of its first line, each with where it stands; cells that are not there are ``""``.

    Raises
    ------
    DlcxError
        When the file cannot be read, is no csv, or one of the columns ``needed`` is missing.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restval="")
    try:
        there = reader.fieldnames or []
        if missing := [name for name in needed if name not in there]:
            raise DlcxError(f"{path}: column '{missing[0]}' is missing", hint=hint)
        for row in reader:
            yield f"{path}, line {reader.line_num}", {name: cell for name, cell in row.items() if name}
    except csv.Error as error:
        raise DlcxError(f"{path}, line {reader.line_num}: {error}", hint=hint) from None


def check_csv_extent(path: Path, header: int) -> None:
    """Refuse a csv whose rows, filled to the width of its ``header`` lines, are far more than its bytes.

    Raises
    ------
    DlcxError
        Says how many bytes there are, and how many are claimed.
    """
    with open_binary(path) as file:
        columns = max((file.readline().count(b",") + 1 for _ in range(header)), default=1)
        rows = sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))
    check_claim(path, 8 * columns * rows, "a table", ratio=64)


def numeric(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The table in floating-point numbers: columns that a program filled cell by cell are of Python objects.

    Raises
    ------
    DlcxError
        When something else stands in a cell.
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
    """The cells of columns of Python objects."""
    for number, kind in enumerate(table.dtypes):
        if kind is np.dtype(object):
            yield from table.iloc[:, number]


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _whole_float(value: float) -> Any:
    return int(value) if value == int(value) else value


def _shown(value: Any) -> str:
    """A value as far as it fits in a message; what a file holds may hold itself many times over."""
    if isinstance(value, (str, bytes, int, float, type(None))):
        try:
            return repr(value)[:60]
        except ValueError:  # a number of more digits than Python writes
            return "a very large number"
    return f"a {type(value).__name__}"
