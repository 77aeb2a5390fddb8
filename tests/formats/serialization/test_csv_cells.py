"""Cells of csv files that spreadsheets, R, MATLAB and databases write."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.predictions.condition_poses import read_condition_poses
from dlcx.formats.predictions.evaluation import read_combined
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.serialization.csv_cells import cell_value, is_missing
from dlcx.formats.shuffles.learning_stats import read_learning_stats

WORDS = ["", "NA", "na", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "-nan", "NULL", "null", "None", "none", "<NA>"]
#: The header of labels and of poses of one animal, and of two animals with a bodypart that exists once.
SINGLE = "scorer,me,me,me,me\nbodyparts,a,a,b,b\ncoords,x,y,x,y\n"
MULTI = "scorer,me,me,me,me\nindividuals,ann,ann,single,single\nbodyparts,a,a,lamp,lamp\ncoords,x,y,x,y\n"
POSES = "scorer,net,net,net\nbodyparts,a,a,a\ncoords,x,y,likelihood\n"


@pytest.mark.parametrize("word", WORDS)
def test_words_for_a_missing_number(word):
    for cell in (word, f" {word}", f"{word} "):
        assert is_missing(cell)
        assert math.isnan(cell_value(cell))
    assert cell_value(" 1.5") == 1.5
    assert not is_missing("0")


@pytest.mark.parametrize("word", WORDS)
def test_labels_with_such_a_word_are_not_labeled(tmp_path, word):
    path = tmp_path / "CollectedData_me.csv"
    path.write_text(f"{SINGLE}labeled-data/v/i.png,{word}, {word} ,3,4\nlabeled-data/v/j.png,1,2,{word},{word}\n")
    nan = np.nan
    np.testing.assert_array_equal(read_labels(path).xy[:, 0], [[[nan, nan], [3, 4]], [[1, 2], [nan, nan]]])
    path.write_text(f"{MULTI}labeled-data/v/i.png,{word},{word},3,4\n")
    labels = read_labels(path)
    assert np.isnan(labels.xy).all()
    np.testing.assert_array_equal(labels.unique_xy, [[[3, 4]]])


@pytest.mark.parametrize("word", WORDS)
def test_poses_with_such_a_word_are_missing(tmp_path, word):
    path = tmp_path / "poses.csv"
    path.write_text(f"{POSES}0,{word},{word},{word}\n1,1,2, {word}\n2,5,6,0.5\n")
    tracks = read_predictions(path)
    np.testing.assert_array_equal(tracks.xy[:, 0, 0], [[np.nan, np.nan], [1, 2], [5, 6]])
    np.testing.assert_array_equal(tracks.score[:, 0, 0], [np.nan, np.nan, 0.5])
    assert len(read_condition_poses(path, ["a"]).frames[0]) == 0


@pytest.mark.parametrize("word", WORDS)
def test_tables_of_trainings_and_evaluations_with_such_a_word(tmp_path, word):
    path = tmp_path / "table.csv"
    path.write_text(f"step,metrics/test.rmse,losses/train.total_loss\n3, {word},0.5\n")
    (row,) = read_learning_stats(path)
    assert (row["step"], row["losses/train.total_loss"]) == (3, 0.5)
    assert math.isnan(row.get("metrics/test.rmse", math.nan))
    head = "%Training dataset,Shuffle number,Training epochs,Detector epochs (TD only),pcutoff,train rmse,test rmse"
    path.write_text(f"{head}\n0.75,1,10,-1,0.6,3.5,{word}\n")
    (found,) = read_combined(path)
    assert (found.epochs, found.train_rmse) == (10, 3.5)
    assert math.isnan(found.test_rmse)


@pytest.mark.parametrize(
    ("head", "row", "says"),
    [
        (SINGLE, "labeled-data/v/i.png,1,2,3,left", "row 6, column 5 (b y): expected a number, got 'left'"),
        (MULTI, "labeled-data,v,i.png,1,2,3,4", "row 7 has 7 columns, the others have 5"),
        (MULTI, 'labeled-data/v/i.png,"1,5",2,3,4', "row 7, column 2 (ann a x): expected a number, got '1,5'"),
        (SINGLE, "labeled-data/v/i.png,1_0,2,3,4", "row 6, column 2 (a x): expected a number, got '1_0'"),
        (SINGLE, "labeled-data/v/i.png,1,\u0662,3,4", "row 6, column 3 (a y): expected a number, got '\u0662'"),
        (SINGLE, "i.png,1,2,3,4", "row 6: expected labeled-data/<video>/<image>, got 'i.png'"),
        (SINGLE, "labeled-data/../i.png,1,2,3,4", "row 6: 'labeled-data/../i.png' leads out of the project"),
        (POSES, "1,2,left,4", "row 6, column 3 (a y): expected a number, got 'left'"),
    ],
)
def test_an_error_names_file_row_and_column_as_a_spreadsheet_counts_them(tmp_path, head, row, says):
    path = tmp_path / "table.csv"
    good = f"{'0' if head == POSES else 'labeled-data/v/a.png'}{',1' * (3 if head == POSES else 4)}"
    path.write_text(f"{head}{good}\n\n{row}\n")
    with pytest.raises(DlcxError) as caught:
        read_predictions(path) if head == POSES else read_labels(path)
    assert str(caught.value) == f"{path}{':' if 'columns' in says else ','} {says}"


def test_poses_of_more_columns_than_names_are_refused(tmp_path):
    path = tmp_path / "poses.csv"
    path.write_text(f"{POSES}0,1,2,0.5,7\n")
    with pytest.raises(DlcxError, match=r"rows have more columns than the names above them \(4\)"):
        read_predictions(path)
    path.write_text(f"{POSES}0,1,2,0.5,,\n".replace("\n", ",,\n", 3))
    np.testing.assert_array_equal(read_predictions(path).xy, [[[[1, 2]]]])


def test_blanks_after_commas_and_empty_columns_at_the_end(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("scorer, me, me,,\nbodyparts, a, a,,\ncoords, x, y,,\nlabeled-data/v/i.png, 1, NA,,\n")
    labels = read_labels(path, scorer="me")
    assert labels.layout.bodyparts == ("a",)
    np.testing.assert_array_equal(labels.xy[0, 0], [[1, np.nan]])
