"""The frames that DeepLabCut 3.0.2 extracted of the same poses, and what they become."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from dlcx.analysis_files import AnalysisFiles
from dlcx.cli.app import run
from dlcx.data.video import open_video
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.labels.machine_labels import read_machine_labels, write_machine_labels
from dlcx.formats.predictions.analysis_pickles import AnalysisMeta, write_meta_pickle
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.formats.project_config import open_project
from dlcx.poses import Layout, Tracks
from dlcx.series.outliers import deviating_frames, displaced_frames, uncertain_frames
from dlcx.workflow.extract_outliers import extract_outliers

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"


@pytest.fixture
def video(project: Path, golden: Path) -> Path:
    """DeepLabCut's project with a video that it has analyzed."""
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    target = project / "videos" / "vid.avi"
    target.parent.mkdir(exist_ok=True)
    shutil.copy(golden / "analysis" / "sa" / "vid.avi", target)
    shutil.copy(golden / "predictions" / f"vid{SCORER}.h5", target.parent)
    return target


def theirs(golden: Path, name: str) -> pd.DataFrame:
    return pd.read_hdf(golden / "files" / "sa_outliers" / f"outliers_{name}" / "vid" / "machinelabels-iter0.h5")


@pytest.mark.parametrize(("name", "options"), [("jump", {"epsilon": 25}), ("uncertain", {"p_bound": 0.35})])
def test_machine_labels_are_deeplabcuts(name, options, project, video, golden):
    expected = theirs(golden, name)
    done = extract_outliers(project, video, algorithm=name, method="uniform", seed=1, **options)
    folder = project / "labeled-data" / "vid"
    assert done.videos[0].machine_labels == folder / "machinelabels-iter0.h5"
    written = pd.read_hdf(folder / "machinelabels-iter0.h5")
    assert written.index.tolist() == expected.index.tolist()
    assert written.index.names == expected.index.names
    assert written.columns.equals(expected.columns)
    assert set(written.dtypes) == {np.dtype(np.float32)}
    np.testing.assert_array_equal(written, expected)
    csv = (golden / "files" / "sa_outliers" / f"outliers_{name}" / "vid" / "machinelabels.csv").read_text()
    text = (folder / "machinelabels.csv").read_text()
    assert text == csv


def test_only_new_images_are_written_and_labels_stay(project, video):
    folder = project / "labeled-data" / "vid"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    config = (project / "config.yaml").read_bytes()
    done = extract_outliers(project, video, epsilon=25, method="uniform", seed=1)
    assert done.videos[0].written == (11,)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(after) - set(before) == {"img11.png", "machinelabels-iter0.h5", "machinelabels.csv"}
    assert all(after[name] == data for name, data in before.items())
    assert (project / "config.yaml").read_bytes() == config


def test_further_outliers_join_those_that_are_there(project, video):
    extract_outliers(project, video, algorithm="uncertain", p_bound=0.35)
    path = project / "labeled-data" / "vid" / "machinelabels-iter0.h5"
    first = read_machine_labels(path)
    corrected = first.xy.copy()
    corrected[0] = 7
    write_machine_labels(type(first)(**{**vars(first), "xy": corrected}), path)
    extract_outliers(project, video, algorithm="list", frame_numbers=[0, 6, 11])
    both = read_machine_labels(path)
    assert both.images[: len(first)] == first.images
    assert [image[-1] for image in both.images[len(first) :]] == ["img00.png", "img11.png"]
    np.testing.assert_array_equal(both.xy[0], 7)


def test_a_video_that_is_new_to_the_project(project, video, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "new.avi"
    elsewhere.parent.mkdir()
    shutil.copy(video, elsewhere)
    shutil.copy(video.with_name(f"vid{SCORER}.h5"), elsewhere.with_name(f"new{SCORER}.h5"))
    done = extract_outliers(project, elsewhere, epsilon=25, method="uniform", plot=True)
    assert done.videos[0].added
    assert [video.stem for video in open_project(project).videos] == ["vid", "new"]
    images = {path.name for path in (project / "labeled-data" / "new").glob("*.png")}
    assert images == {f"img{number:02d}{end}.png" for number in done.videos[0].frames for end in ("", "labeled")}


def test_frames_count_from_the_start_of_a_video_whose_part_was_analyzed(project, video):
    poses = video.with_name(f"vid{SCORER}.h5")
    tracks = read_predictions(poses)
    part = Tracks(tracks.layout, tracks.xy[4:], tracks.score[4:], first=4)
    write_predictions(part, poses, SCORER)
    done = extract_outliers(project, video, epsilon=25, method="uniform")
    assert {5, 11} <= set(done.videos[0].frames) <= set(range(5, 12))
    labels = read_machine_labels(done.videos[0].machine_labels)
    at = [image[-1] for image in labels.images].index("img05.png")
    np.testing.assert_array_equal(labels.xy[at], tracks.xy[5])


def test_machine_labels_of_a_cropped_analysis_are_in_pixels_of_the_full_image(project, video):
    """People correct labels on whole frames; DeepLabCut stores poses of a crop relative to the crop's corner."""
    poses = video.with_name(f"vid{SCORER}.h5")
    cropped = read_predictions(poses)
    files = AnalysisFiles(video, SCORER, video.parent)
    opened = open_video(video)
    size = (opened.width, opened.height)
    meta = AnalysisMeta(
        SCORER, cropped.layout, 0.0, 1.0, opened.fps, size, opened.frames, 1, 0, 0.75, crop=(13, 60, 7, 50)
    )
    write_meta_pickle(meta, files.meta_pickle)
    done = extract_outliers(project, video, algorithm="list", frame_numbers=[5, 11])
    labels = read_machine_labels(done.videos[0].machine_labels)
    np.testing.assert_allclose(labels.xy, cropped.xy[[5, 11]] + np.array([13, 7]), atol=1e-4)
    image = cv2.imread(str(project / "labeled-data" / "vid" / "img11.png"))
    assert image.shape[:2] == (opened.height, opened.width)


def test_animals_jump_one_by_one():
    draw = np.random.default_rng(0)
    xy = np.cumsum(draw.uniform(9, 11, (30, 6, 2)), axis=0)
    xy[12:, 4] += 40
    assert np.flatnonzero(displaced_frames(xy, 20)).tolist() == [12]


@pytest.mark.parametrize("name", ["with_gaps", "clean"])
def test_rules_are_deeplabcuts(name, golden):
    expected = json.loads((golden / "post" / "outliers.json").read_text())
    with np.load(golden / "post" / "filters.npz") as stored:
        values = stored[name].reshape(80, -1, 3)
    xy, score = values[..., :2], values[..., 2]
    for least in (0.1, 0.6):
        assert np.flatnonzero(uncertain_frames(score, least)).tolist() == expected[f"uncertain_{least}.{name}"]
    if name == "with_gaps":
        fitting = deviating_frames(xy, score, 5, min_score=0.1)
        # nothing is expected of the first frame, which DeepLabCut always takes
        assert np.flatnonzero(fitting).tolist() == expected[f"fitting_5.{name}"][1:]


def test_several_animals_and_unique_bodyparts(tmp_path):
    layout = Layout(("a", "b"), ("x", "y"), ("lamp",), multi=True)
    draw = np.random.default_rng(0)
    from dlcx.formats.labels.machine_labels import MachineLabels

    labels = MachineLabels(
        "net",
        layout,
        (("labeled-data", "v", "img3.png"), ("labeled-data", "v", "img1.png")),
        draw.uniform(0, 9, (2, 2, 2, 2)).astype(np.float32),
        draw.uniform(0, 1, (2, 2, 2)).astype(np.float32),
        draw.uniform(0, 9, (2, 1, 2)).astype(np.float32),
        draw.uniform(0, 1, (2, 1)).astype(np.float32),
    )
    h5, csv = write_machine_labels(labels, tmp_path / "machinelabels-iter2.h5")
    back = read_machine_labels(h5)
    assert (back.scorer, back.layout, back.images) == (labels.scorer, layout, labels.images)
    for name in ("xy", "score", "unique_xy", "unique_score"):
        np.testing.assert_array_equal(getattr(back, name), getattr(labels, name))
    assert csv.read_text().splitlines()[1].startswith("individuals,,,x,x,x,x,x,x,y")
    np.testing.assert_allclose(read_labels(csv).xy, labels.xy, rtol=1e-6)
    with pytest.raises(DlcxError, match="other bodyparts"):
        back.add_missing_images(MachineLabels("net", Layout(("a",)), (), *(np.zeros((0, 1)),) * 4))


def test_from_the_command_line(project, video, capsys):
    call = ["extract-outliers", str(video), "-p", str(project), "--json"]
    assert run([*call, "--method", "uniform", "--epsilon", "1e6"]) == 0
    said = json.loads(capsys.readouterr().out)["videos"][0]
    assert (said["outliers"], said["machine_labels"]) == (0, None)
    assert run([*call, "--algorithm", "list", "--frame-numbers", "2,4"]) == 0
    said = json.loads(capsys.readouterr().out)["videos"][0]
    assert said["frames"] == [2, 4]
    for wrong, message in (
        (
            ["--algorithm", "list", "--frame-numbers", "2", "--method", "uniform"],
            "--method uniform would have no effect",
        ),
        (["--algorithm", "jmp"], "Did you mean 'jump'"),
        (["--frame-numbers", "3"], "belong together"),
        (["--algorithm", "list", "--frame-numbers", "99"], "no poses of frame 99, only of 0 to 11"),
        (["--bodypart", "snuot"], "Did you mean 'snout'"),
    ):
        assert run([*call, *wrong]) == 3
        assert message in capsys.readouterr().err
    assert run([*call, "--algorithm", "list", "--frame-numbers", "3;4"]) == 2
