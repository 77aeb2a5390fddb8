import csv
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tables

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.predictions.evaluation import (
    EvaluationRow,
    merge_combined,
    read_evaluation,
    write_evaluation,
    write_keypoint_results,
    write_results,
)
from dlcx.metrics import PoseMetrics, evaluate_poses
from dlcx.poses import Instances, Layout, Prediction

TRAIN, TEST = (0, 2, 3, 4, 6, 7), (1, 5)
LAYOUTS = {
    "sa": Layout(("snout", "back", "tail")),
    "ma": Layout(("snout", "ear", "back", "tail"), ("ann", "bob", "cid"), multi=True),
    "mui": Layout(("snout", "back", "tail"), ("ann", "bob"), ("lamp", "door"), multi=True),
}
RUNS = [
    ("sa", "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10", 1, -1),
    ("ma", "DLC_Resnet50_goldmaNov22shuffle1_snapshot_10", 1, -1),
    ("ma", "DLC_Resnet50_goldmaNov22shuffle2_detector_10_snapshot_10", 2, 10),
    ("mui", "DLC_Resnet50_goldmuiNov22shuffle1_snapshot_10", 1, -1),
]
ROW = EvaluationRow(
    0.75, 1, 10, 0.6, PoseMetrics(1.234, np.nan, 50.0, 60.0, (1.0, np.nan)), PoseMetrics(2, 3, 4, 5, (1.5, 2.5))
)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture
def run(golden, request):
    """Folder, scorer and layout of one of DeepLabCut's evaluations, and the row that our metrics make of its poses."""
    project, scorer, shuffle, detector = request.param
    folder, layout = golden / "evaluation" / project, LAYOUTS[project]
    labels = read_labels(folder / "CollectedData_me", layout, "me")
    predicted = list(read_evaluation(folder / f"{scorer}.h5")[1].values())
    single = len(layout.individuals) == 1
    train, test = (
        evaluate_poses([labels.pose(i) for i in rows], [predicted[i] for i in rows], single=single)
        for rows in (TRAIN, TEST)
    )
    return folder, scorer, layout, EvaluationRow(0.75, shuffle, 10, 0.6, train, test, detector)


@pytest.mark.parametrize("run", RUNS, indirect=True)
def test_results_of_deeplabcuts_predictions_are_deeplabcuts(run, tmp_path):
    folder, scorer, layout, row = run
    for suffix in ("-results.csv", "-keypoint-results.csv"):
        if suffix == "-results.csv":
            write_results(row, tmp_path / suffix)
        else:
            write_keypoint_results(row, layout, tmp_path / suffix)
        theirs = table(folder / f"{scorer}{suffix}")
        ours = table(tmp_path / suffix)
        names = [name for name in theirs[0] if "id_head" not in name]  # identity is not evaluated yet
        assert list(ours[0]) == names
        assert [row.get("") for row in ours] == [row.get("") for row in theirs]
        numbers = [[float(row[name] or "nan") for name in names if name] for row in (*ours, *theirs)]
        half = len(ours)
        np.testing.assert_allclose(numbers[:half], numbers[half:], rtol=2e-6)


@pytest.mark.parametrize("project", ["sa", "ma"])
def test_results_files_are_the_same_bytes(golden, tmp_path, project):
    for _, scorer, shuffle, detector in (run for run in RUNS if run[0] == project):
        original = golden / "evaluation" / project / f"{scorer}-results.csv"
        cells = table(original)[0]
        splits = {
            split: PoseMetrics(
                *(float(cells[f"{split} {name}"] or "nan") for name in ("rmse", "rmse_pcutoff", "mAP", "mAR"))
            )
            for split in ("train", "test")
        }
        row = EvaluationRow(0.75, shuffle, 10, 0.6, **splits, detector_epochs=detector)
        write_results(row, tmp_path / "results.csv")
        assert (tmp_path / "results.csv").read_bytes() == original.read_bytes()
        merge_combined(row, tmp_path / "combined.csv")
    combined = golden / "evaluation" / project / "CombinedEvaluation-results.csv"
    assert (tmp_path / "combined.csv").read_bytes() == combined.read_bytes()


@pytest.mark.parametrize(("project", "scorer"), [run[:2] for run in RUNS])
def test_tables_of_deeplabcut_are_written_back(golden, tmp_path, project, scorer):
    original = golden / "evaluation" / project / f"{scorer}.h5"
    layout, found = read_evaluation(original)
    assert (layout.bodyparts, layout.unique) == (LAYOUTS[project].bodyparts, LAYOUTS[project].unique)
    write_evaluation(list(found), list(found.values()), LAYOUTS[project], tmp_path / "x.h5", scorer)
    pd.testing.assert_frame_equal(pd.read_hdf(tmp_path / "x.h5"), pd.read_hdf(original))
    with tables.open_file(original) as theirs, tables.open_file(tmp_path / "x.h5") as ours:
        for node in theirs.walk_nodes():
            mine = ours.get_node(node._v_pathname)._v_attrs
            for name in node._v_attrs._f_list():
                assert str(mine[name]) == str(node._v_attrs[name]), (node._v_pathname, name)


def test_missing_animals_are_minus_one_and_images_left_out_are_nan(tmp_path):
    layout = LAYOUTS["mui"]
    images = [("labeled-data", "vid", f"img{i}.png") for i in range(3)]
    two = Instances(np.arange(12, dtype=float).reshape(2, 3, 2), np.full((2, 3), 0.5))
    three = Instances(np.ones((3, 3, 2)), np.ones((3, 3)))
    lamp = Instances(np.ones((1, 2, 2)), np.full((1, 2), 0.25))
    one = Instances(two.xy[:1], two.score[:1])
    path = tmp_path / "x.h5"
    write_evaluation(images, [Prediction(one, lamp), None, Prediction(three)], layout, path, "DLC")
    frame = pd.read_hdf(path)
    assert list(frame.index) == images
    assert (frame.iloc[0]["DLC"]["bob"] == -1).all()
    assert frame.iloc[1].isna().all()
    assert (frame.iloc[2]["DLC"]["single"] == -1).all()
    _, found = read_evaluation(path)
    assert [len(prediction.animals) for prediction in found.values()] == [1, 2]
    np.testing.assert_array_equal(found[images[0]].animals.xy, one.xy)
    np.testing.assert_array_equal(found[images[0]].unique.score, lamp.score)


def test_combined_rows_are_replaced_and_sorted(tmp_path):
    path = tmp_path / "combined.csv"
    for shuffle, epochs, cutoff in ((10, 5, 0.6), (2, 200, 0.6), (2, 30, 0.6), (2, 30, (0.1, 0.2)), (2, 30, 0.6)):
        merge_combined(replace(ROW, shuffle=shuffle, epochs=epochs, pcutoff=cutoff), path)
    merge_combined(replace(ROW, shuffle=10, epochs=5, train=replace(ROW.train, rmse=9.0)), path)
    rows = table(path)
    assert [(row["Shuffle number"], row["Training epochs"], row["pcutoff"]) for row in rows] == [
        ("2", "30", "0.6"),
        ("2", "30", "0.1, 0.2"),
        ("2", "200", "0.6"),
        ("10", "5", "0.6"),
    ]
    assert rows[-1]["train rmse"] == "9.0"
    assert rows[-1]["train rmse_pcutoff"] == ""


def test_columns_of_others_are_kept(tmp_path):
    path = tmp_path / "combined.csv"
    path.write_text(
        "%Training dataset,Shuffle number,Training epochs,Detector epochs (TD only),pcutoff,more\n0.75,7,3,-1,0.6,x\n"
    )
    merge_combined(ROW, path)
    rows = table(path)
    assert [row["more"] for row in rows] == ["", "x"]
    assert [row["test rmse"] for row in rows] == ["2.0", ""]


def test_a_file_that_is_no_such_table_is_named(tmp_path):
    path = tmp_path / "combined.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DlcxError, match=r"combined\.csv"):
        merge_combined(ROW, path)
    assert path.read_text() == "a,b\n1,2\n"


def test_processes_that_evaluate_at_once_keep_each_others_rows(tmp_path):
    path = tmp_path / "combined.csv"
    code = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_evaluation import ROW
from dlcx.formats.predictions.evaluation import merge_combined
for epochs in range(40):
    merge_combined(replace(ROW, shuffle=int(sys.argv[2]), epochs=epochs), Path(sys.argv[1]))
"""
    here = str(Path(__file__).parent)
    running = [subprocess.Popen([sys.executable, "-c", code, path, str(number), here]) for number in (1, 2)]
    assert [process.wait() for process in running] == [0, 0]
    assert len(table(path)) == 80
    assert list(tmp_path.iterdir()) == [path]
