import math

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.learning_stats import read_learning_stats, write_learning_stats


def test_a_file_of_deeplabcut_is_written_back_byte_for_byte(golden, tmp_path):
    original = golden / "learning_stats" / "sa.csv"
    rows = read_learning_stats(original)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert "metrics/test.rmse" not in rows[0]
    assert math.isnan(rows[3]["metrics/test.rmse"])
    write_learning_stats(rows, tmp_path / "learning_stats.csv")
    assert (tmp_path / "learning_stats.csv").read_bytes() == original.read_bytes()


def test_rows_are_sorted_and_the_later_of_two_wins(tmp_path):
    path = tmp_path / "learning_stats.csv"
    write_learning_stats([{"step": 3, "a": 1.0}, {"step": 1, "b": 2.0}, {"step": 3, "a": 5.0}], path)
    assert read_learning_stats(path) == [{"step": 1, "b": 2.0}, {"step": 3, "a": 5.0}]


def test_no_file_is_no_history(tmp_path):
    assert read_learning_stats(tmp_path / "none.csv") == []


@pytest.mark.parametrize(("text", "says"), [("step,a\n1,x\n", "line 2"), ("epoch,a\n1,2\n", "'step'")])
def test_what_is_wrong_is_named(tmp_path, text, says):
    path = tmp_path / "learning_stats.csv"
    path.write_text(text)
    with pytest.raises(DlcxError, match=says):
        read_learning_stats(path)
