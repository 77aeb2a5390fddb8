"""The table of poses that most result files share, as h5 and as csv.

::

    scorer       DLC_Resnet50_...   (one name throughout)
    individuals  ann  ann  ann         ...  single          level absent from single-animal videos
    bodyparts    nose nose nose        ...  lamp            unique bodyparts last, under 'single'
    coords       x    y    likelihood  ...  x y likelihood
    0            4.66 66.9 0.368

Format: DeepLabCut 3.0.2, pandas tables in HDF5.  pandas >= 3.1 leaves out group attributes that pandas 2 (and so
DeepLabCut) needs to read a table; they are written here.
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
from dlcx.formats.serialization.hdf5 import read_attribute, read_form, read_table, write_table
from dlcx.outputs import atomic_file
from dlcx.poses import Instances, Layout, Prediction
from dlcx.untrusted_files import open_text

COORDS = ("x", "y", "likelihood")
SINGLE = "single"
KEYS = ("df_with_missing", "tracks", "predictions")
_CSV_ROWS = 2000  # frames whose text is made at once


def pose_columns(layout: Layout, scorer: str, *, individuals: bool) -> pd.MultiIndex:
    """Column names in the order of :func:`pose_values`; ``individuals`` adds that level."""
    owners = [(animal, part) for animal in layout.individuals for part in layout.bodyparts]
    owners += [(SINGLE, part) for part in layout.unique]
    names = [(scorer, *(owner if individuals else owner[1:]), coord) for owner in owners for coord in COORDS]
    levels = ["scorer", *(["individuals"] if individuals else []), "bodyparts", "coords"]
    return pd.MultiIndex.from_tuples(names, names=levels)


def pose_values(xy: np.ndarray, score: np.ndarray, unique_xy: np.ndarray, unique_score: np.ndarray) -> np.ndarray:
    """Rows (T, 3 * (A * K + U)) of x, y, likelihood from xy (T, A, K, 2), score (T, A, K) and the unique bodyparts."""
    count = len(xy)
    animals = np.concatenate([xy, score[..., None]], axis=-1).reshape(count, 3 * math.prod(score.shape[1:]))
    unique = np.concatenate([unique_xy, unique_score[..., None]], axis=-1).reshape(count, 3 * unique_score.shape[1])
    return np.concatenate([animals, unique.astype(animals.dtype)], axis=1)


def padded_values(predictions: Sequence[Prediction | None], layout: Layout) -> np.ndarray:
    """Rows (M, 3 * (A * K + U)), float32, of images whose animals are not linked, in the net's order:
    that of the individuals where the net tells them apart.

    Animals that were not found are -1, images without a prediction nan; of more animals than the project has
    individuals the first ones are kept.
    """
    animals, parts, unique = len(layout.individuals), len(layout.bodyparts), len(layout.unique)
    xy, score = _padded([None if found is None else found.animals for found in predictions], animals, parts)
    singles = [None if found is None else found.unique or Instances.none(unique) for found in predictions]
    unique_xy, unique_score = _padded(singles, 1, unique)
    return pose_values(xy, score, unique_xy[:, 0], unique_score[:, 0])


def _padded(found: Sequence[Instances | None], animals: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """xy (M, A, K, 2) and score (M, A, K), float32: -1 for animals not found, nan for images not evaluated."""
    xy = np.full((len(found), animals, parts, 2), np.nan, np.float32)
    score = np.full((len(found), animals, parts), np.nan, np.float32)
    for i, instances in enumerate(found):
        if instances is not None:
            count = min(len(instances), animals)
            xy[i, :count], score[i, :count] = instances.marked().xy[:count], instances.score[:count]
            xy[i, count:], score[i, count:] = -1, -1
    return xy, score


def split_table(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, str, Layout]:
    """The table with its columns in DeepLabCut's order, which other programs may have changed, its scorer and layout.

    Raises
    ------
    DlcxError
        When the columns are not x, y, likelihood of the same bodyparts for every individual.
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
        place = {row: number for number, row in enumerate(rows)}
        frame = frame.iloc[:, [place[row] for row in wanted]]
    return frame, scorer, layout


def write_h5(frame: pd.DataFrame, path: Path, *, key: str = KEYS[0], table: bool, origin: str = "") -> None:
    """Write a frame as pandas' ``table`` or ``fixed`` format, readable by pandas 2 and 3.

    HDF5 keeps at most 64 kB of column names with a table; frames of more columns are written as ``fixed``.
    ``origin``, what the numbers were made of and how, is an attribute of the group, for :func:`read_origin`.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    table = table and len(pickle.dumps(list(frame.columns), 0)) < 64_000
    attributes = {"pandas_version": "0.15.2"}
    attributes |= {"nan_rep": "nan"} if table else {}
    attributes |= {"dlcx_origin": origin} if origin else {}
    write_table(frame, Path(path), key, table=table, attributes=attributes)


def read_origin(path: Path) -> str:
    """What a file's numbers were made of and how; nothing where another program wrote it."""
    return read_attribute(Path(path), KEYS, "dlcx_origin")


def read_h5(path: Path) -> pd.DataFrame:
    """Read the table of a result file: under the first of the known keys that it has, or its only one.

    Raises
    ------
    DlcxError
        When the file is missing, no HDF5, holds no such table, or objects that are not plain.
    """
    path = Path(path)
    if not path.is_file():
        raise DlcxError(f"{path}: no such file")
    return numeric(read_table(path, KEYS, any_key=True), path)


def stored_key(path: Path) -> tuple[str, bool]:
    """The key of the one table of a result file, and whether it is a ``table`` (else ``fixed``)."""
    return read_form(Path(path), KEYS)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a numeric frame with the text DeepLabCut's csv has: shortest digits, empty cells for nan."""
    with atomic_file(Path(path)) as beside, open(beside, "w", encoding="utf-8", newline="") as file:
        for number, level in enumerate(frame.columns.names):
            file.write(",".join([str(level), *map(str, frame.columns.get_level_values(number))]) + "\n")
        labels, values = frame.index.tolist(), frame.to_numpy()
        for start in range(0, len(values), _CSV_ROWS):
            rows = zip(labels[start : start + _CSV_ROWS], _text_rows(values[start : start + _CSV_ROWS]), strict=True)
            file.writelines(f"{_label(label)},{row}\n" for label, row in rows)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a csv of poses (float64); the number of header rows is found in the file.

    Raises
    ------
    DlcxError
        When the file is missing or is no table of poses.
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
    """The table below ``header`` lines of names.

    The names are read apart from the numbers: pandas takes a first row without numbers for one more line of names.
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
    """A row's name; paths may hold what separates cells."""
    text = str(label)
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text


def _text_rows(values: np.ndarray) -> list[str]:
    """The text of rows (T, C), as pandas has it.

    pydantic writes JSON five times as fast as Python writes numbers, and but for tiny and infinite ones these are the
    same.
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
    """float64 numbers whose ``repr`` is the shortest decimal that still means the same float32.

    ``rint(x * 10**n) / 10**n`` is the double nearest to a decimal number as long as 10**n is exact (n <= 22).
    float32 keeps all decimals of 6 digits apart, so fewer need no try of their own (``repr`` drops zeros), and 9
    always do.
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
