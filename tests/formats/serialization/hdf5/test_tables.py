"""Tables of pandas are read as pandas reads them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import KEY, read_labels
from dlcx.formats.serialization.hdf5.tables import read_table

ROWS = 7
COLUMNS = pd.MultiIndex.from_product([["me"], ["a", "b", "c"], ["x", "y"]], names=["scorer", "bodyparts", "coords"])
NUMBERS = np.random.default_rng(0).uniform(5, 90, (ROWS, 6)).round(2)
TABLE = pd.DataFrame(NUMBERS, columns=COLUMNS)
IMAGES = pd.MultiIndex.from_tuples([("labeled-data", "v", f"img{row}.png") for row in range(ROWS)])


def filled() -> pd.DataFrame:
    """An empty table that a script has filled cell by cell."""
    table = pd.DataFrame(index=range(ROWS), columns=COLUMNS)
    for row in range(ROWS):
        for column in range(6):
            table.iloc[row, column] = NUMBERS[row, column]
    return table


def with_columns(**columns: object) -> pd.DataFrame:
    """The table with other columns in these places, named ``c0``, ``c1``, ..."""
    table = TABLE.copy()
    for name, values in columns.items():
        table[COLUMNS[int(name[1:])]] = values
    return table


TABLES = {
    "numbers": TABLE,
    "objects": TABLE.astype(object),
    "filled": filled(),
    "by columns": pd.DataFrame(np.asfortranarray(NUMBERS.astype(object)), columns=COLUMNS),
    "two object columns": with_columns(c0=TABLE[COLUMNS[0]].astype(object), c3=TABLE[COLUMNS[3]].astype(object)),
    "blocks": with_columns(c0=range(ROWS), c1=True, c2=TABLE[COLUMNS[2]].astype("f4"), c5=np.arange(ROWS, dtype="i2")),
    "none": pd.DataFrame([[None if v < 20 else v for v in row] for row in NUMBERS.tolist()], columns=COLUMNS).astype(
        object
    ),
    "text": with_columns(c1=list("abcdefg")),
    "category": with_columns(c1=pd.Categorical(list("abcabca"))),
    "big-endian": pd.DataFrame(NUMBERS.astype(">f8"), columns=COLUMNS),
    "nested": with_columns(c1=pd.Series([[1, 2], (3,), None, "a", np.nan, np.arange(3), 1], dtype=object)),
    "one row": TABLE.astype(object).iloc[:1],
    "one column": TABLE.astype(object).iloc[:, :1],
    "no row": TABLE.astype(object).iloc[:0],
}
INDICES = {
    "numbers": pd.Index([3, 1, 4, 1, 5, 9, 2]),
    "text": pd.Index([f"labeled-data/v/{row}.png" for row in range(ROWS)]),
    "objects": pd.Index([f"labeled-data/v/{row}.png" for row in range(ROWS)], dtype=object),
    "mixed": pd.Index(["a", 1, 2.5, None, "b", "c", "d"], dtype=object),
    "category": pd.CategoricalIndex(list("abcdefg")),
    "images": IMAGES,
    "levels": pd.MultiIndex.from_arrays([["a", None, *"bcdef"], range(ROWS), list("ggghhhh")]),
}
CASES = [(name, table, form) for name, table in TABLES.items() for form in ("fixed", "table")]
CASES += [
    (f"index of {name}", table.set_axis(index), form)
    for name, index in INDICES.items()
    for table, form in ((TABLE, "fixed"), (TABLE, "table"), (TABLE.astype(object), "fixed"))
]
#: No labels or poses: columns of categories, and rows named by categories, in the ``table`` format.
UNKNOWN_HERE = {("category", "table"), ("index of category", "table")}
#: pandas itself writes no such tables.
UNKNOWN_TO_PANDAS = {
    ("category", "fixed"),
    *UNKNOWN_HERE,
    ("index of mixed", "table"),
    ("index of images", "table"),
    ("index of levels", "table"),
    *((name, "table") for name in ("objects", "filled", "by columns", "two object columns", "none", "nested")),
    *((name, "table") for name in ("one row", "one column", "no row")),
}


@pytest.mark.parametrize(("name", "table", "form"), [one for one in CASES if (one[0], one[2]) not in UNKNOWN_TO_PANDAS])
def test_tables_equal_those_of_pandas(name, table, form, tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns that it pickles objects
        table.to_hdf(tmp_path / "x.h5", key=KEY, format=form, mode="w")
        expected = pd.read_hdf(tmp_path / "x.h5")
    pd.testing.assert_frame_equal(read_table(tmp_path / "x.h5", [KEY]), expected)


@pytest.mark.parametrize("name", ["objects", "filled", "by columns", "two object columns", "none"])
def test_labels_of_object_columns(name, tmp_path: Path):
    table = TABLES[name].set_axis(IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.to_hdf(tmp_path / "x.h5", key=KEY, mode="w")
    wanted = np.where(NUMBERS < 20, np.nan, NUMBERS) if name == "none" else NUMBERS
    np.testing.assert_array_equal(read_labels(tmp_path / "x.h5").xy.reshape(ROWS, 6), wanted)


def test_objects_of_a_class_are_refused(tmp_path: Path):
    table = TABLE.set_axis(pd.date_range("2020", periods=ROWS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.to_hdf(tmp_path / "x.h5", key=KEY, mode="w")
    with pytest.raises(DlcxError, match=r"x\.h5 is refused: it names pandas"):
        read_table(tmp_path / "x.h5", [KEY])


@pytest.mark.parametrize(("name", "table", "form"), [one for one in CASES if (one[0], one[2]) in UNKNOWN_HERE])
def test_tables_of_categories_are_refused(name, table, form, tmp_path: Path):
    table.to_hdf(tmp_path / "x.h5", key=KEY, format=form, mode="w")
    with pytest.raises(DlcxError, match=r"x\.h5: (expected numbers|cannot be read as a table of poses) \(.* categor"):
        read_table(tmp_path / "x.h5", [KEY])
