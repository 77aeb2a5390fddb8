"""Modules, devices, files and names are checked before a video is decoded or a network is built."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels.machine_labels import MachineLabels, write_machine_labels
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.formats.project_config import open_project
from dlcx.outputs import check_folder
from dlcx.poses import Layout, Tracks

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
#: Command, a module that cannot be imported, and what the error says.
CALLS = [
    ("extract-frames V --method nonsense", "", "--method nonsense: expected kmeans or uniform"),
    ("extract-frames V", "sklearn.cluster", "--method kmeans requires scikit-learn"),
    ("extract-outliers V --method nonsense", "", "--method nonsense: expected kmeans or uniform"),
    ("extract-outliers V", "sklearn.cluster", "--method kmeans requires scikit-learn"),
    ("extract-outliers V --algorithm fitting", "statsmodels.tsa.statespace.sarimax", "requires statsmodels"),
    ("extract-outliers V --bodypart nonsense", "", "--bodypart nonsense"),
    ("filter-predictions V --filter arima", "statsmodels.tsa.statespace.sarimax", "requires statsmodels"),
    ("create-labeled-video V --codec nonsense", "", "--codec nonsense: no such encoder"),
    ("create-labeled-video V --colormap nonsense", "", "nonsense"),
    ("create-labeled-video V --bodypart nonsense", "", "--bodypart nonsense"),
    ("plot-trajectories V --bodypart nonsense", "", "--bodypart nonsense"),
    ("plot-trajectories V --image-type nonsense", "", "--image-type nonsense"),
    ("export-predictions V --format nwb", "pynwb", "pynwb"),
    ("export-predictions V --format h5 --to FILE", "", "is not a folder"),
    ("export-labels x.slp", "sleap_io", "need sleap-io"),
    ("export-labels FILE/x.csv", "", "is not a folder"),
    ("analyze-video V --device gpu", "", "gpu"),
    ("analyze-video V --engine onnx", "onnxruntime", "onnx"),
    ("analyze-images I --out FILE", "", "is not a folder"),
    ("analyze-images I --engine onnx", "onnxruntime", "onnx"),
    ("evaluate --device gpu", "", "gpu"),
    ("evaluate --engine onnx", "onnxruntime", "onnx"),
    ("evaluate --shuffle 1 --shuffle 2", "", "goldsaNov22-trainset75shuffle2"),
    ("compare 1:10 1:5 --device gpu", "", "gpu"),
    ("report --out FILE", "", "is not a folder"),
    ("report --device gpu", "", "gpu"),
    ("score-maps I --out FILE", "", "is not a folder"),
    ("score-maps I --kind paf", "", "--kind paf: resnet_50 has no such maps"),
    ("export-model --out FILE", "", "is not a folder"),
    ("export-model --video /no/such.avi", "", "/no/such.avi"),
    ("export-model --format onnx", "onnxruntime", "onnx"),
    ("train --device gpu", "", "gpu"),
    ("train --logger wandb", "wandb", "--logger wandb: the package wandb is not installed"),
    ("train --logger tensorboard", "tensorboard", "the package tensorboard is not installed"),
]


@pytest.fixture
def video(trained_project: Path) -> Path:
    """A video of the project with poses, and a second snapshot."""
    path = write_video(trained_project / "videos" / "vid.avi", 12)
    layout = Layout(("snout", "back", "tail"))
    xy = np.full((12, 1, 3, 2), 10.0, np.float32)
    write_predictions(
        Tracks(layout, xy, np.ones((12, 1, 3), np.float32)), path.with_name(f"{path.stem}{SCORER}.h5"), SCORER
    )
    open_project(trained_project).shuffle(1).snapshot_path(5).write_bytes(b"weights")
    return path


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding a frame and making a network are bugs here."""

    def work(*_: object, **__: object) -> None:
        raise AssertionError("work before the checks")

    for place in (
        "dlcx.data.frame_selection.read_frames",  # first: it imports the function below
        "dlcx.data.video.read_frames",
        "dlcx.data.video.read_frame",
        "dlcx.nets.build.build_model",
        "dlcx.formats.weights.snapshot.read_snapshot",
    ):
        monkeypatch.setattr(place, work)


@pytest.mark.parametrize(("call", "missing", "message"), CALLS, ids=[" ".join(call[:2]) for call in CALLS])
def test_what_is_missing_is_told_before_work(video, no_work, monkeypatch, capsys, tmp_path, call, missing, message):
    project = video.parents[1]
    (tmp_path / "file").write_text("a file")
    names = {"V": str(video), "I": str(project / "labeled-data" / "vid"), "FILE": str(tmp_path / "file")}
    words = [names.get(word, word.replace("FILE/", f"{tmp_path}/file/")) for word in call.split()]
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
        found = importlib.util.find_spec
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name, *rest: None if name == missing else found(name, *rest)
        )
        monkeypatch.setattr("dlcx.training.loggers.find_spec", lambda name: None if name == missing else found(name))
    monkeypatch.chdir(tmp_path)
    assert run([*words, "--project", str(project)]) == 3, capsys.readouterr().err
    assert message in capsys.readouterr().err


def test_pictures_of_other_settings_are_told_before_a_frame_is_decoded(video, no_work, capsys, monkeypatch):
    project = str(video.parents[1])
    with monkeypatch.context() as free:
        free.setattr("dlcx.visuals.trajectories.middle_frame", lambda *_: None)
        assert run(["plot-trajectories", str(video), "-p", project]) == 0
    assert run(["plot-trajectories", str(video), "-p", project, "--linewidth", "3"]) == 3
    assert "linewidth 1.0, now 3.0" in capsys.readouterr().err


@pytest.mark.parametrize("bodyparts", [("snout", "back"), ("snout", "back", "paw")])
def test_outliers_that_do_not_fit_are_told_before_a_frame_is_decoded(video, no_work, capsys, bodyparts):
    """Machine labels of other bodyparts, and poses of bodyparts that the project does not have."""
    project = open_project(video.parents[1])
    layout = Layout(bodyparts)
    if "paw" in bodyparts:
        poses = video.with_name("other.h5")
        xy = np.full((12, 1, 3, 2), 10.0, np.float32)
        write_predictions(Tracks(layout, xy, np.ones((12, 1, 3), np.float32)), poses, "DLC_resnet50_xshuffle1_10")
        flags, message = ["--poses", str(poses)], "names paw, which"
    else:
        image = (("labeled-data", "vid", "img00.png"),)
        none = np.zeros((1, 0, 2)), np.zeros((1, 0))
        labels = MachineLabels("net", layout, image, np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2)), *none)
        write_machine_labels(labels, project.machine_labels_path("vid"))
        flags, message = [], "existing machine labels are of other bodyparts or individuals"
    before = sorted(project.labeled_data.rglob("*"))
    call = ["extract-outliers", str(video), "--algorithm", "list", "--frame-numbers", "3", "-p", str(project.root)]
    assert run([*call, *flags]) == 3
    assert message in capsys.readouterr().err
    assert sorted(project.labeled_data.rglob("*")) == before


def test_frames_are_extracted_by_default(video):
    """scikit-learn is part of dlcx."""
    assert run(["extract-frames", str(video), "-p", str(video.parents[1]), "--frames", "3", "-q"]) == 0
    assert len(list((video.parents[1] / "labeled-data" / "vid").glob("img*.png"))) > 8


def test_a_folder_is_checked_and_not_made(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "a").write_text("")
    with pytest.raises(DlcxError, match=r"a is not a folder"):
        check_folder(tmp_path / "a" / "b")
