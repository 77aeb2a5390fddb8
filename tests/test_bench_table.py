"""What `make bench` makes of its measurements."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from speed.rows import NAMES
from speed.table import HEAD, Row, interleaved, table


def test_more_is_better() -> None:
    row = Row("analyze-video", "frames/s", 3.0, 2.0, 4.0, times_deeplabcut=1.25, of_limit=0.95)
    assert (row.ratio_to_deeplabcut, row.ratio_to_limit, row.holds) == (1.5, 0.75, False)
    assert row.cells()[1:7] == ("3", "2", "4", "1.50 (>= 1.25)", "0.75 (>= 0.95)", "no")
    assert Row("", "", 3.0, 2.0, 4.0, times_deeplabcut=1.25, of_limit=0.7).holds is True


def test_less_is_better() -> None:
    row = Row("memory", "MB", 40.0, limit=50.0, of_limit=1.0, more_is_better=False)
    assert (row.ratio_to_deeplabcut, row.ratio_to_limit, row.holds) == (None, 0.8, True)
    slow = Row("write", "s", 2.0, 3.0, times_deeplabcut=2, more_is_better=False)
    assert (slow.ratio_to_deeplabcut, slow.holds) == (1.5, False)
    assert "1.50 (>= 2)" in slow.cells()


def test_goals_without_deeplabcut_stay_open() -> None:
    row = Row("training input", "images/s", 300.0, times_deeplabcut=4)
    assert row.holds is None
    assert row.cells() == ("training input, images/s", "300", "-", "-", "- (>= 4)", "-", "", "")


def test_every_measure_is_taken_once_a_round_and_another_first_each_time() -> None:
    order: list[str] = []
    values = {"one": iter([5.0, 1.0, 3.0]), "two": iter([2.0, 2.0, 9.0])}

    def take(name: str) -> float:
        order.append(name)
        return next(values[name])

    assert interleaved(3, one=lambda: take("one"), two=lambda: take("two")) == {"one": 3.0, "two": 2.0}
    assert order == ["one", "two", "two", "one", "one", "two"]


def test_table() -> None:
    lines = table([Row("help", "s", 0.1234, 12.0, more_is_better=False)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[0].count("|") == len(HEAD) + 1
    assert lines[2].startswith("| help, s | 0.123 | 12 | - | 97.24 | - |")


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_a_module(name: str) -> None:
    folder = Path(__file__).parents[1] / "benchmarks" / "speed" / "rows"
    assert "def measure(setting: Setting) -> list[Row]:" in (folder / f"{name}.py").read_text()
    assert {path.stem for path in folder.glob("*.py")} == {*NAMES, "__init__"}
