"""The table of poses in h5 and csv files of results.

::

    scorer       DLC_Resnet50_...   (one name throughout)
    individuals  ann  ann  ann         ...  single          this level is missing for a single animal
    bodyparts    nose nose nose        ...  lamp            unique bodyparts are last and belong to 'single'
    coords       x    y    likelihood  ...  x y likelihood
    0            4.66 66.9 0.368

Format: DeepLabCut 3.0.2, pandas tables in HDF5.  pandas >= 3.1 omits group attributes that pandas 2, and thus
DeepLabCut, needs to read a table.  This module writes them.
"""

from __future__ import annotations

import csv
import math
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic_core import to_json

from dlcx.errors import DlcxError
from dlcx.formats.serialization.checked_values import check_csv_extent, numeric
from dlcx.formats.serialization.csv_cells import PANDAS_MISSING, find_wrong_cell
from dlcx.formats.serialization.hdf5.tables import read_attribute, read_form, read_table, write_table
from dlcx.outputs import atomic_file
from dlcx.poses import Instances, Layout, Prediction
from dlcx.untrusted_files import open_text

COORDS = ("x", "y", "likelihood")
SINGLE = "single"
KEYS = ("df_with_missing", "tracks", "predictions")
_CSV_ROWS = 2000  # frames that are converted to text at once


def pose_columns(layout: Layout, scorer: str, *, individuals: bool) -> pd.MultiIndex:
    """Return the column names in the order of :func:`pose_values`; ``individuals`` adds that level."""
    owners = [(animal, part) for animal in layout.individuals for part in layout.bodyparts]
    owners += [(SINGLE, part) for part in layout.unique]
    names = [(scorer, *(owner if individuals else owner[1:]), coord) for owner in owners for coord in COORDS]
    levels = ["scorer", *(["individuals"] if individuals else []), "bodyparts", "coords"]
    return pd.MultiIndex.from_tuples(names, names=levels)


def pose_values(xy: np.ndarray, score: np.ndarray, unique_xy: np.ndarray, unique_score: np.ndarray) -> np.ndarray:
    """Return the rows of a table of poses.

    Parameters
    ----------
    xy, score
        Positions (T, A, K, 2) in pixels and likelihoods (T, A, K).
    unique_xy, unique_score
        The same of the unique bodyparts: (T, U, 2) and (T, U).

    Returns
    -------
    numpy.ndarray
        x, y and likelihood of each point: (T, 3 * (A * K + U)).
    """
    count = len(xy)
    animals = np.concatenate([xy, score[..., None]], axis=-1).reshape(count, 3 * math.prod(score.shape[1:]))
    unique = np.concatenate([unique_xy, unique_score[..., None]], axis=-1).reshape(count, 3 * unique_score.shape[1])
    return np.concatenate([animals, unique.astype(animals.dtype)], axis=1)


def padded_values(predictions: Sequence[Prediction | None], layout: Layout) -> np.ndarray:
    """Return the rows (M, 3 * (A * K + U)), float32, of M images without tracking.

    Animals are in the order of the network, which is that of the individuals if it has an identity head.  Animals that
    were not detected are -1, images without a prediction are nan.  If there are more animals than individuals, the
    first ones are kept.
    """
    animals, parts, unique = len(layout.individuals), len(layout.bodyparts), len(layout.unique)
    xy, score = _padded([None if found is None else found.animals for found in predictions], animals, parts)
    singles = [None if found is None else found.unique or Instances.empty(unique) for found in predictions]
    unique_xy, unique_score = _padded(singles, 1, unique)
    return pose_values(xy, score, unique_xy[:, 0], unique_score[:, 0])


def _padded(found: Sequence[Instances | None], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return xy (M, A, K, 2) and score (M, A, K), float32: -1 for missing animals, nan for missing predictions."""
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    for i, instances in enumerate(found):
        if instances is not None:
            count = min(len(instances), animals)
            xy[i, :count], score[i, :count] = instances.with_absent_at_minus_one().xy[:count], instances.score[:count]
            xy[i, count:], score[i, count:] = -1, -1
    return xy, score


def split_table(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, str, Layout]:
    """Sort the columns of a table into DeepLabCut's order, and parse their names.

    Other programs may have changed the order.

    Returns
    -------
    table, scorer, layout
        The table in order, its scorer, and its names of bodyparts and individuals.

    Raises
    ------
    DlcxError
        If the columns are not x, y, likelihood of the same bodyparts for every individual.
    """
    levels = [str(name) for name in frame.columns.names]
    if levels not in (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"]):
        raise DlcxError(f"{path}: expected columns of poses (scorer, bodyparts, coords), got levels {levels}")
    multi = len(levels) == 4
    rows = [tuple(map(str, row)) for row in frame.columns]
    if not rows:
        raise DlcxError(f"{path}: expected columns of poses, got none")
    owners = dict.fromkeys(row[1:-1] if multi else ("individual_1", row[1]) for row in rows)
    individuals = tuple(dict.fromkeys(animal for animal, _ in owners if animal != SINGLE))
    parts = [tuple(part for owner, part in owners if owner == animal) for animal in individuals]
    unique = tuple(part for animal, part in owners if animal == SINGLE)
    layout = Layout(parts[0] if parts else (), individuals or ("individual_1",), unique, multi=multi)
    scorer = rows[0][0] if rows else ""
    wanted = [tuple(map(str, row)) for row in pose_columns(layout, scorer, individuals=multi)]
    if not rows or sorted(rows) != sorted(wanted) or len(set(rows)) < len(rows):
        raise DlcxError(
            f"{path}: expected x, y, likelihood of the same bodyparts for every individual, got {len(rows)} columns"
            f" of {len(individuals)} individual(s) that do not fit",
        )
    if rows != wanted:
        number_of = {row: number for number, row in enumerate(rows)}
        frame = frame.iloc[:, [number_of[row] for row in wanted]]
    return frame, scorer, layout


def write_h5(frame: pd.DataFrame, path: Path, *, key: str = KEYS[0], table: bool, origin: str = "") -> None:
    """Write a table that pandas 2 and 3 can read.

    Parameters
    ----------
    frame
        The table.
    path
        The file to write.
    key
        Key of the table in the file.
    table
        Whether to use the ``table`` format of pandas instead of ``fixed``.  HDF5 stores at most 64 kB of column names
        with a ``table``, so a table with more is written as ``fixed``.
    origin
        Description of the source of the values, stored as an attribute for :func:`read_origin`.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    table = table and len(pickle.dumps(list(frame.columns), 0)) < 64_000
    attributes = {"pandas_version": "0.15.2"}
    attributes |= {"nan_rep": "nan"} if table else {}
    attributes |= {"dlcx_origin": origin} if origin else {}
    write_table(frame, Path(path), key, table=table, attributes=attributes)


def read_origin(path: Path) -> str:
    """Return the description of the source of a file's values; empty if another program wrote the file."""
    return read_attribute(Path(path), KEYS, "dlcx_origin")


def read_h5(path: Path) -> pd.DataFrame:
    """Read the table of a result file: the first of the known keys, or its only key.

    Raises
    ------
    DlcxError
        If the file is missing, is not HDF5, has no such table, or holds Python objects other than plain ones.
    """
    path = Path(path)
    if not path.is_file():
        raise DlcxError(f"{path}: no such file")
    return numeric(read_table(path, KEYS, any_key=True), path)


def stored_key(path: Path) -> tuple[str, bool]:
    """Return the key of the table in a result file, and whether its format is ``table`` rather than ``fixed``."""
    return read_form(Path(path), KEYS)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table of numbers like DeepLabCut: as few digits as possible, and empty cells for nan.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    with atomic_file(Path(path)) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        for number, level in enumerate(frame.columns.names):
            file.write(",".join([str(level), *map(str, frame.columns.get_level_values(number))]) + "\n")
        labels, values = frame.index.tolist(), frame.to_numpy()
        for start in range(0, len(values), _CSV_ROWS):
            rows = zip(labels[start : start + _CSV_ROWS], _text_rows(values[start : start + _CSV_ROWS]), strict=True)
            file.writelines(f"{_label(label)},{row}\n" for label, row in rows)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a csv of poses as float64, with or without the level ``individuals``.

    Raises
    ------
    DlcxError
        If the file is missing or is not a table of poses.
    """
    path = Path(path)
    if not path.is_file():
        raise DlcxError(f"{path}: no such file")
    try:
        with open_text(path) as file:
            first = [file.readline(10**6).split(",", 1)[0].strip() for _ in range(4)]
    except (OSError, UnicodeDecodeError) as error:
        raise DlcxError(f"{path}: cannot be read as text ({error})") from None
    if "coords" not in first:
        words = [word[:40] for word in first]
        raise DlcxError(f"{path}: expected header rows scorer, (individuals,) bodyparts, coords, got {words}")
    check_csv_extent(path, header := first.index("coords") + 1)
    try:
        return _read_numbers(path, header)
    except (ValueError, TypeError, LookupError, OverflowError, csv.Error) as error:  # ParserError is a ValueError
        raise find_wrong_cell(path, header) or DlcxError(f"{path}: {str(error)[:200]}") from error


def _read_numbers(path: Path, header: int) -> pd.DataFrame:
    """Read the table below ``header`` lines of names.

    The names are read separately, because pandas takes a first row without numbers for another line of names.
    """
    with open_text(path) as text:
        rows = csv.reader(text, skipinitialspace=True)
        heads = [next(rows) for _ in range(header)]
    width, longest = max(at for at, cell in enumerate(heads[-1], 1) if cell), max(map(len, heads))
    frame = pd.read_csv(
        path,
        header=None,
        names=range(longest + 1),
        skiprows=header,
        index_col=0,
        na_values=PANDAS_MISSING,
        skipinitialspace=True,
    )
    if frame.loc[:, width:].notna().any(axis=None):
        raise ValueError(f"rows have more columns than the names above them ({width})")
    names = [(head + [""] * width)[:width] for head in heads]
    frame = frame.loc[:, : width - 1].astype(np.float64)
    frame.columns = pd.MultiIndex.from_arrays([head[1:] for head in names], names=[head[0] for head in names])
    return frame.rename_axis(index=None)


def _label(label: object) -> str:
    """Return the cell for the name of a row, in quotes if it contains a separator, as paths may."""
    text = str(label)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text


def _text_rows(values: np.ndarray) -> list[str]:
    """Return the text of rows (T, C) as pandas writes it.

    The JSON writer of pydantic is five times as fast as ``repr`` and gives the same text, except for very small and
    infinite numbers.
    """
    if values.dtype == np.float32:
        values = _shortest(values)
    rows = values.tolist()
    text = to_json(rows, inf_nan_mode="constants").decode("ascii")
    lines = text.replace("NaN", "")[2:-2].split("],[")
    size = np.abs(values)
    differ = ((size > 0) & (size < 1e-4) | np.isinf(size)).any(1)
    for row in np.flatnonzero(differ):
        lines[row] = repr(rows[row])[1:-1].replace(", ", ",").replace("nan", "")
    return lines


def _shortest(values: np.ndarray) -> np.ndarray:
    """Return float64 numbers whose ``repr`` is the shortest decimal that rounds to the given float32.

    ``rint(x * 10**n) / 10**n`` is the double nearest to a decimal number as long as 10**n is exact (n <= 22).
    float32 distinguishes all decimals of 6 digits, so fewer digits need not be tried (``repr`` drops zeros), and
    9 digits always suffice.
    """
    single = values.ravel()
    shortest = single.astype(np.float64)
    size = np.abs(shortest)
    left = np.flatnonzero((size > 1e-12) & (size < 1e15))
    rare = np.flatnonzero((size > 0) & (size <= 1e-12) | (size >= 1e15) & np.isfinite(size))
    shortest[rare] = single[rare].astype(str).astype(np.float64)
    exact = shortest.copy()
    for digits in (6, 7, 8, 9):
        decimals = digits - 1 - np.floor(np.log10(size[left])).astype(int)
        up, down = 10.0 ** np.maximum(decimals, 0), 10.0 ** np.maximum(-decimals, 0)
        rounded = np.rint(exact[left] * up / down) / up * down
        same = rounded.astype(np.float32) == single[left]
        shortest[left[same]] = rounded[same]
        left = left[~same]
    return shortest.reshape(values.shape)
