"""Learning curves of a page hold the numbers of learning_stats.csv."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from dlcx.reports.charts import TEST
from dlcx.reports.learning_curves import ERRORS, TrainingStatistics

CSV = "step,losses/train.total_loss,metrics/test.rmse\n1,0.5,\n2,0.4,7.5\n3,0.3,\n4,0.2,5.5\n"


def statistics(folder: Path, text: str = CSV) -> TrainingStatistics:
    path = folder / "learning_stats.csv"
    path.write_text(text)
    return TrainingStatistics(path)


def test_a_line_has_the_epochs_with_a_value(tmp_path: Path) -> None:
    line = statistics(tmp_path).line("metrics/test.rmse", "test", TEST)
    np.testing.assert_array_equal(line.x, [2, 4])
    np.testing.assert_array_equal(line.y, [7.5, 5.5])
    assert (line.name, line.color) == ("test", TEST)


def test_the_range_of_epochs_includes_the_snapshot(tmp_path: Path) -> None:
    stats = statistics(tmp_path)
    assert stats.epochs(None) == (1, 4)
    assert stats.epochs(SimpleNamespace(epoch=9)) == (1, 9)


def test_a_chart_marks_the_snapshot(tmp_path: Path) -> None:
    chart = statistics(tmp_path).chart(ERRORS, SimpleNamespace(epoch=4, uid="best-4"))
    assert "snapshot best-4" in chart
    assert "test error (px)" in chart
    assert statistics(tmp_path, "step,losses/train.total_loss\n1,0.5\n").chart(ERRORS, None) == ""
