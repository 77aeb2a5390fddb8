import csv
import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.training_set import Split, load_training_set
from dlcx.poses import Instances, Prediction
from dlcx.workflow.evaluate import evaluate

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle{}/train"
PARTS = ("snout", "back", "tail")


def test_evaluation_of_deeplabcuts_weights_is_deeplabcuts(trained_project, golden):
    theirs = golden / "evaluation" / "sa"
    result = evaluate(trained_project, per_bodypart=True)
    (one,) = result.evaluated
    folder = trained_project / "evaluation-results-pytorch" / "iteration-0"
    assert one.h5 == folder / "goldsaNov22-trainset75shuffle1" / f"{SCORER}.h5"
    assert one.csv.read_bytes() == (theirs / f"{SCORER}-results.csv").read_bytes()
    assert result.combined == folder / "CombinedEvaluation-results.csv"
    assert result.combined.read_bytes() == (theirs / "CombinedEvaluation-results.csv").read_bytes()

    poses, expected = pd.read_hdf(one.h5), pd.read_hdf(theirs / f"{SCORER}.h5")
    pd.testing.assert_frame_equal(poses, expected, rtol=0, atol=1e-3)
    likely = poses.columns.get_level_values("coords") == "likelihood"
    np.testing.assert_allclose(poses.loc[:, likely], expected.loc[:, likely], rtol=0, atol=1e-5)

    ours, other = (
        pd.read_csv(path, index_col=0) for path in (one.keypoint_csv, theirs / f"{SCORER}-keypoint-results.csv")
    )
    pd.testing.assert_frame_equal(ours, other, rtol=1e-5)
    assert (one.train.images, one.test.images) == (6, 2)
    assert (one.train.keypoints, one.train.labelled, one.train.keypoints_pcutoff) == (15, 15, 5)


class Oracle:
    """Predicts the labels, ``shift`` pixels to the right, with score 0.5 for the last bodypart and 0.9 for others."""

    def __init__(self, project: Path, shift: float) -> None:
        labels = read_labels(project / "labeled-data" / "vid" / "CollectedData_me")
        self._known = {
            cv2.imread(str(project.joinpath(*image)))[..., ::-1].tobytes(): xy + np.array([shift, 0])
            for image, xy in zip(labels.images, labels.xy, strict=True)
        }
        self.batches: list[int] = []

    def predict(self, images: np.ndarray, guesses: None = None) -> list[Prediction]:
        self.batches.append(len(images))
        found = [np.nan_to_num(self._known[image.tobytes()]) for image in images]
        return [Prediction(Instances(xy, np.array([[0.9, 0.9, 0.5]]))) for xy in found]


@pytest.fixture
def oracles(project, monkeypatch):
    """Snapshots that shift the labels by as many pixels as they have epochs; the predictors that were made."""
    made: list[Oracle] = []

    def load_network(network):
        assert network.device == "cpu"
        made.append(Oracle(project, network.snapshot.epoch))
        return SimpleNamespace(predictor=made[-1])

    monkeypatch.setattr("dlcx.analysis.network_loading.load_network", load_network)
    for number in (1, 2):
        (project / TRAIN.format(number)).mkdir(parents=True, exist_ok=True)
        for name in ("snapshot-003.pt", "snapshot-best-002.pt"):
            (project / TRAIN.format(number) / name).touch()
    shutil.copy(*(project / TRAIN.format(number) / "pytorch_config.yaml" for number in (1, 2)))
    folder = project / "training-datasets" / "iteration-0" / "UnaugmentedDataSet_goldsaNov22"
    shutil.copy(
        folder / "Documentation_data-goldsa_75shuffle1.pickle", folder / "Documentation_data-goldsa_75shuffle2.pickle"
    )
    return made


def errors(result):
    return [(one.shuffle, one.snapshot, round(one.test.rmse, 6)) for one in result.evaluated]


def test_choice_of_snapshots_and_shuffles(project, oracles):
    assert errors(evaluate(project, device="cpu")) == [(1, "best-2", 2.0)]
    assert errors(evaluate(project, device="cpu", snapshot="last")) == [(1, "3", 3.0)]
    assert errors(evaluate(project, device="cpu", snapshot="3")) == [(1, "3", 3.0)]
    path = project / TRAIN.format(2) / "snapshot-003.pt"
    assert errors(evaluate(project, device="cpu", shuffle=2, snapshot=str(path))) == [(2, "3", 3.0)]
    result = evaluate(project, device="cpu", shuffle=[2, 1, 2], snapshot="all")
    assert errors(result) == [(2, "3", 3.0), (2, "best-2", 2.0), (1, "3", 3.0), (1, "best-2", 2.0)]
    with result.combined.open() as file:
        rows = [(row["Shuffle number"], row["Training epochs"], row["test rmse"]) for row in csv.DictReader(file)]
    assert rows == [("1", "2", "2.0"), ("1", "3", "3.0"), ("2", "2", "2.0"), ("2", "3", "3.0")]


@pytest.mark.parametrize(
    ("index", "expected"),
    [("-1", [(1, "best-2", 2.0)]), ("0", [(1, "3", 3.0)]), ("all", [(1, "3", 3.0), (1, "best-2", 2.0)])],
)
def test_snapshots_of_the_project_config(project, oracles, index, expected):
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("snapshotindex: -1", f"snapshotindex: {index}", 1))
    assert errors(evaluate(project, device="cpu")) == expected
    assert errors(evaluate(project, device="cpu", snapshot="best")) == [(1, "best-2", 2.0)]


def test_a_net_without_a_detector_has_no_snapshot_of_one(project, oracles):
    with pytest.raises(DlcxError, match=r"--detector-snapshot 20: resnet_50 of goldsaNov22.* has no detector"):
        evaluate(project, device="cpu", detector_snapshot="20")


def test_best_and_regular_snapshot_of_one_epoch(project, oracles, caplog):
    (project / TRAIN.format(1) / "snapshot-002.pt").touch()
    with caplog.at_level(logging.WARNING, "dlcx"):
        evaluate(project, device="cpu", snapshot="all")
    assert [record.getMessage() for record in caplog.records] == [
        "shuffle 1: two snapshots of epoch 2 share one row of the combined table",
        "shuffle 1: only 2 test images have labels, so the test error says little; label more frames or lower "
        "TrainingFraction in config.yaml",
    ]


def test_errors_are_compared_with_the_size_of_the_animals(project, oracles, caplog):
    """A snapshot that is off by 300 px has learned nothing, one that is off by 2 px has."""
    (project / TRAIN.format(1) / "snapshot-300.pt").touch()
    labels, split = load_training_set(open_project(project).shuffle(1))
    shown = labels.xy[split.test, 0]
    size = np.median([np.linalg.norm(np.ptp(xy[np.isfinite(xy).all(-1)], axis=0)) for xy in shown])
    with caplog.at_level(logging.WARNING, "dlcx"):
        good, bad = (evaluate(project, device="cpu", snapshot=which).evaluated[0] for which in ("2", "300"))
    assert good.test.yardstick.animal_size == pytest.approx(size)
    assert f"{100 * 2 / size:.1f} (test)" in next(line for line in good.lines() if line.startswith("rmse as %"))
    (warning,) = [record.getMessage() for record in caplog.records if "has not learned" in record.getMessage()]
    assert warning.startswith("shuffle 1, snapshot 300 has not learned: its error of 300.0 px is no better than")
    assert bad.test.rmse == pytest.approx(300)


def test_cutoff(project, oracles):
    sure, all_sure = (evaluate(project, device="cpu", pcutoff=cutoff).evaluated[0] for cutoff in (0.6, 0.5))
    assert sure.train.keypoints_pcutoff < sure.train.keypoints
    assert all_sure.train.keypoints_pcutoff == all_sure.train.keypoints
    assert sure.pcutoff == 0.6


def test_neighbours_of_one_size_share_a_batch(project, oracles):
    path = project / "labeled-data" / "vid" / "img03.png"
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), image[:-8])
    assert errors(evaluate(project, device="cpu", batch_size=4)) == [(1, "best-2", 2.0)]
    assert oracles[0].batches == [3, 1, 4]


def test_pictures(project, oracles):
    (one,) = evaluate(project, device="cpu", plot=True).evaluated
    names = sorted(path.name for path in one.pictures.iterdir())
    assert names == sorted(
        [f"Training-vid-img0{i}.png" for i in (0, 2, 3, 4, 6, 7)] + [f"Test-vid-img0{i}.png" for i in (1, 5)]
    )
    assert one.pictures.name == f"LabeledImages_{one.scorer}"


def test_command_line(project, oracles, capsys):
    assert run(["evaluate", "--progress", "none", "-p", str(project), "--device", "cpu", "--per-bodypart"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "shuffle 1, snapshot best-2: DLC_Resnet50_goldsaNov22shuffle1_snapshot_best-2"
    assert lines[2].split()[:4] == ["train", "6", "15/15", "2.00"]
    assert lines[3].split()[:4] == ["test", "2", "5/5", "2.00"]
    assert lines[4].startswith("rmse as % of the animals' size: ")
    assert [line.split() for line in lines[6:9]] == [[part, "2.00", "2.00"] for part in PARTS]
    assert [line.split(":")[0] for line in lines[9:]] == ["h5", "csv", "keypoint csv", "combined"]
    assert all(Path(line.split(": ")[1]).is_file() for line in lines[9:])
    assert err.splitlines()[1] == "hint: To analyze videos: analyze-video with the names of your videos"

    assert (
        run(["evaluate", "-q", "-p", str(project), "--device", "cpu", "--json", "--shuffle", "1", "--shuffle", "2"])
        == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert [one["shuffle"] for one in facts["evaluated"]] == [1, 2]
    assert facts["evaluated"][0]["test"]["rmse"] == pytest.approx(2.0)


def test_all_images_for_training(project, oracles, monkeypatch):
    split = Split(np.arange(8), np.arange(0), 1.0)
    monkeypatch.setattr(
        "dlcx.workflow.evaluate.load_training_set", lambda shuffle: (load_training_set(shuffle)[0], split)
    )
    (one,) = evaluate(project, device="cpu", per_bodypart=True).evaluated
    assert (one.train.images, one.test.images) == (8, 0)
    assert one.keypoint_csv.read_text().splitlines()[2] == "Test error (px),,,"
    assert one.csv.read_text().splitlines()[1].endswith(",,,,")
    assert [line.split()[-1] for line in one.lines()[6:9]] == ["-"] * 3


def test_an_image_that_is_gone_is_named(project, oracles):
    (project / "labeled-data" / "vid" / "img05.png").unlink()
    with pytest.raises(DlcxError, match=r"img05\.png"):
        evaluate(project, device="cpu")


def test_what_is_not_there_is_named(project):
    with pytest.raises(DlcxError, match="no snapshot") as caught:
        evaluate(project)
    assert "dlcx train" in caught.value.hint
    with pytest.raises(DlcxError, match="shuffle9"):
        evaluate(project, shuffle=9)
    assert run(["evaluate", "-p", str(project)]) == 3
