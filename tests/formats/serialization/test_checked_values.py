"""Values of the wrong type or out of range are refused, and the message says what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.serialization import checked_values as checked


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (lambda v: checked.number(v, "x", 0, 1), np.float32(0.5), 0.5),
        (lambda v: checked.number(v, "x", 0, 1), 1, 1.0),
        (lambda v: checked.integer(v, "x"), np.int64(7), 7),
        (lambda v: checked.integers(v, "x", 2), np.array([1, 2]), (1, 2)),
        (lambda v: checked.text(v, "x"), "a", "a"),
        (lambda v: checked.names(v, "x"), ["a", "b"], ("a", "b")),
        (lambda v: checked.mapping(v, "x"), {"a": 1}, {"a": 1}),
        (lambda v: checked.cell_number(v, "x"), "2.5", 2.5),
        (lambda v: checked.cell_integer(v, "x"), "3.0", 3),
    ],
)
def test_accepted(check: Any, value: Any, result: Any) -> None:
    assert check(value) == result
    assert type(check(value)) is type(result)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (lambda v: checked.number(v, "x", 0, 1), 1.5, "x: expected a number from 0 to 1, got 1.5"),
        (lambda v: checked.number(v, "x"), float("nan"), "x: expected a number from"),
        (lambda v: checked.number(v, "x"), 10**400, "x: expected a number from"),
        (lambda v: checked.number(v, "x"), True, "x: expected a number from"),
        (lambda v: checked.number(v, "x"), "1", "x: expected a number from"),
        (lambda v: checked.integer(v, "x", 0, 5), 6, "x: expected an integer from 0 to 5, got 6"),
        (lambda v: checked.integer(v, "x"), 1.0, "x: expected an integer"),
        (lambda v: checked.integer(v, "x"), True, "x: expected an integer"),
        (lambda v: checked.integers(v, "x", 2), [1], "x: expected 2 integers, got a list"),
        (lambda v: checked.text(v, "x"), "", "x: expected a name, got ''"),
        (lambda v: checked.names(v, "x"), ["a", 1], "x: expected a name, got 1"),
        (lambda v: checked.names(v, "x"), "ab", "x: expected a list of names, got 'ab'"),
        (lambda v: checked.mapping(v, "x"), {1: 2}, "x: expected a mapping, got a dict"),
        (lambda v: checked.cell_number(v, "x", 0, 1), "2", "x: expected a number from 0 to 1, got '2'"),
        (lambda v: checked.cell_integer(v, "x"), "3.5", "x: expected an integer"),
        (lambda v: checked.array(v, "x", (None, 2)), np.zeros((3, 3)), r"x: expected numbers of shape \(any, 2\), got"),
        (lambda v: checked.array(v, "x", (1,)), np.array(["a"]), r"x: expected numbers of shape \(1\), got <U1"),
    ],
)
def test_refused(check: Any, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        check(value)


def test_rows_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3\n")
    assert list(checked.csv_rows(path, ("a",))) == [
        (f"{path}, line 2", {"a": "1", "b": "2"}),
        (f"{path}, line 3", {"a": "3", "b": ""}),
    ]
    with pytest.raises(DlcxError, match="column 'c' is missing"):
        list(checked.csv_rows(path, ("a", "c")))


def test_a_csv_of_short_rows_below_a_wide_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("," * 100_000 + "\n" + "\n" * 100_000)
    with pytest.raises(DlcxError, match="claim to hold a table of"):
        checked.check_csv_extent(path, 1)
    path.write_text("a,b\n" + "1,2\n" * 1000)
    checked.check_csv_extent(path, 1)


def test_tables_of_objects_become_numbers() -> None:
    table = pd.DataFrame({"a": [1, 2], "b": np.array([1.5, None], object)})
    np.testing.assert_array_equal(checked.numeric(table, Path("t")).to_numpy(), [[1, 1.5], [2, np.nan]])
    with pytest.raises(DlcxError, match="t: expected numbers"):
        checked.numeric(pd.DataFrame({"a": np.array([True, 1], object)}), Path("t"))
    with pytest.raises(DlcxError, match="t: expected numbers"):
        checked.numeric(pd.DataFrame({"a": ["x"]}), Path("t"))
