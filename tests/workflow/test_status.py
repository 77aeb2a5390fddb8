from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.predictions.analysis_pickles import AnalysisMeta, write_meta_pickle
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.formats.project_config import open_project
from dlcx.poses import Instances, Layout, Prediction, Tracks
from dlcx.store import open_store
from dlcx.workflow.status import status

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
HEAD = "%Training dataset,Shuffle number,Training epochs,Detector epochs (TD only),pcutoff,train rmse,test rmse\n"


def step(project: Path) -> str:
    (text,) = status(project).next_steps
    return text.removeprefix("Next: ").removesuffix(f" --project {project}")


def test_every_stage_has_its_next_step(project: Path):
    for folder in project.glob("dlc-models-pytorch/*/*"):
        if not folder.name.endswith("shuffle1"):
            folder.rename(project / folder.name)
    config = project / TRAIN / "pytorch_config.yaml"
    config.write_text(config.read_text().replace("epochs: 200", "epochs: 10"))
    images = [path.rename(project / path.name) for path in (project / "labeled-data" / "vid").iterdir()]
    assert step(project) == "dlcx extract-frames"
    for path in images:
        path.rename(project / "labeled-data" / "vid" / path.name)

    models = (project / "dlc-models-pytorch").rename(project / "away")
    assert step(project) == "dlcx create-dataset"
    models.rename(project / "dlc-models-pytorch")
    assert step(project) == "dlcx train"
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    assert step(project) == "dlcx evaluate"
    table = project / "evaluation-results-pytorch" / "iteration-0" / "CombinedEvaluation-results.csv"
    table.parent.mkdir(parents=True)
    table.write_text(HEAD + "0.75,1,10,-1,0.6,3.21,4.32\n0.75,2,10,-1,0.6,1.0,1.0\n")
    video = write_video(project / "videos" / "v.avi", 4)
    assert step(project) == f"dlcx analyze-video {video}"
    xy = np.zeros((4, 1, 3, 2), np.float32)
    tracks = Tracks(Layout(("snout", "back", "tail")), xy, np.ones((4, 1, 3), np.float32))
    write_predictions(tracks, video.with_name(f"v{SCORER}.h5"), SCORER)
    assert step(project) == f"dlcx create-labeled-video {video}"
    video.with_name(f"v{SCORER}_p60_labeled.mp4").write_bytes(b"")
    video.with_name(f"v{SCORER}_p60_labeled.mp4.json").write_text("{}")
    assert step(project) == f"dlcx report {video}"
    video.with_name(f"v{SCORER}_report.html").write_bytes(b"")
    config.write_text(config.read_text().replace("epochs: 10", "epochs: 12"))
    assert step(project) == "dlcx train"
    config.write_text(config.read_text().replace("epochs: 12", "epochs: 10"))
    assert step(project) == f"dlcx extract-outliers {video}"

    result = status(project)
    (shuffle,) = result.shuffles
    assert (shuffle.net_type, shuffle.train_images, shuffle.test_images) == ("resnet_50", 6, 2)
    assert (shuffle.epochs, shuffle.planned, shuffle.error, shuffle.evaluated) == (10, 10, 4.32, True)
    assert shuffle.snapshot == "10"
    there = {one.video: one for one in result.videos}
    assert there["v.avi"].poses == (SCORER,)
    assert there["v.avi"].labeled_videos == 1
    assert there["vid"].path is None
    assert "  vid: missing" in result.lines()


def test_a_video_analyzed_in_part_and_labels_of_nothing(project: Path):
    """Only empty labels are told by the same number as ``demo`` tells."""
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    video = write_video(project / "videos" / "v.avi", 20)
    xy = np.zeros((6, 1, 3, 2), np.float32)
    layout = Layout(("snout", "back", "tail"))
    write_predictions(Tracks(layout, xy, np.ones((6, 1, 3), np.float32)), video.with_name(f"v{SCORER}.h5"), SCORER)
    meta = AnalysisMeta(SCORER, layout, 0, 1, 25, (96, 64), 20, 8, 0, 0.75)
    write_meta_pickle(meta, video.with_name(f"v{SCORER}_meta.pickle"))
    for stop, part in ((20, ""), (6, ", frames 0:6 of 20")):
        with open_store(video.with_name(f"v{SCORER}.dlcx"), {}, overwrite=True) as store:
            store.append(0, [Prediction(Instances.empty(3))] * stop, np.zeros(stop), np.ones(stop, bool))
            store.close_chunk()
            store.record_output_frames(0, stop)
        lines = status(project).lines()
        assert f"    {SCORER}{part}" in lines
        assert ("videos: 1, 1 analyzed" + (", 1 of them in part" if part else "")) in lines
    place = open_project(project)
    base = place.labels_path("vid")
    labels = read_labels(base, place.layout)
    xy = labels.xy.copy()
    xy[:3] = np.nan
    write_labels(replace(labels, xy=xy), base, place.scorer)
    assert "labels: 8 of 8 images in 1 folder, 3 without an animal" in status(project).lines()


def test_command(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(project)
    assert run(["status"]) == 0
    out, err = capsys.readouterr()
    assert f"project: {project}" in out
    assert "labels: 8 of 8 images in 1 folder" in out
    assert "resnet_50" in out
    assert err.startswith("hint: Next: dlcx ")
    (project / TRAIN / "pytorch_config.yaml").write_text("nonsense: 1")
    assert run(["status", "--json"]) == 0
    shuffles = json.loads(capsys.readouterr().out)["shuffles"]
    assert any("pytorch_config.yaml" in one["trouble"] for one in shuffles)


def test_the_error_of_a_training_that_was_not_evaluated(project: Path):
    (project / TRAIN / "snapshot-best-004.pt").write_bytes(b"weights")
    (project / TRAIN / "learning_stats.csv").write_text("step,metrics/test.rmse\n2,9.5\n4,7.25\n6,8\n")
    shuffle = next(one for one in status(project).shuffles if one.shuffle == 1)
    assert (shuffle.error, shuffle.snapshot, shuffle.evaluated, shuffle.epochs) == (7.25, "best-4", False, 6)
    assert any("7.25 px (in training)" in line for line in status(project).lines())


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (
            "csv",
            "CollectedData_me.csv, row 4, column 2 (snout x): expected a number, got 'left'. "
            "Leave the cell empty if the point is not labeled. Write decimals with a point.",
        ),
        ("h5", "CollectedData_me.h5: cannot be read as a table of poses (no HDF5 file)"),
    ],
)
def test_one_broken_folder_is_listed_and_the_rest_is_counted(project: Path, broken: str, says: str):
    """Beside a folder of eight labeled images."""
    folder = project / "labeled-data" / "v2"
    folder.mkdir()
    (folder / "img0.png").write_bytes(b"")
    columns = "scorer,me,me\nbodyparts,snout,snout\ncoords,x,y\nlabeled-data/v2/img0.png,left,2\n"
    (folder / f"CollectedData_me.{broken}").write_text(columns)
    result = status(project)
    assert [(one.video, one.images, one.labeled, bool(one.trouble)) for one in result.labels] == [
        ("v2", 1, 0, True),
        ("vid", 8, 8, False),
    ]
    assert f"  unreadable: {folder}/{says}" in result.lines()
    assert "labels: 8 of 9 images in 2 folders" in result.lines()
    assert result.next_steps == ("Next: correct the label file of v2, then run dlcx status again",)


def test_labels_of_another_kind_of_project_say_how_to_convert_them(project: Path):
    """Also after a training: nothing is labeled that can be read."""
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    config = project / "config.yaml"
    data = yaml.safe_load(config.read_text())
    data |= {"multianimalproject": True, "bodyparts": "MULTI!", "multianimalbodyparts": ["snout", "back"]}
    config.write_text(yaml.safe_dump(data))
    result = status(project)
    assert "`dlcx clean-labels --to-multi-animal`" in result.labels[0].trouble
    assert result.next_steps == ("Next: correct the label file of vid, then run dlcx status again",)


def test_a_broken_table_of_evaluations_is_the_trouble_of_its_shuffles(project: Path):
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    table = project / "evaluation-results-pytorch" / "iteration-0" / "CombinedEvaluation-results.csv"
    table.parent.mkdir(parents=True)
    table.write_text(HEAD + "0.75,one,10,-1,0.6,3.21,4.32\n")
    result = status(project)
    (one,) = (one for one in result.shuffles if one.shuffle == 1)
    assert str(table) in one.trouble
    assert (one.net_type, one.epochs) == ("resnet_50", 10)


def test_trained_networks_of_another_iteration_are_named(project: Path, capsys: pytest.CaptureFixture[str]):
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    config = project / "config.yaml"
    assert status(project).trained_iterations == ()
    config.write_text(config.read_text().replace("iteration: 0", "iteration: 3"))
    back = "Trained networks are in iteration 0: to use them, set 'iteration: 0' in config.yaml."
    result = status(project)
    assert result.trained_iterations == (0,)
    assert result.lines()[3:5] == ["shuffles: none", back]
    for call in (["evaluate"], ["train"], ["analyze-images", str(project / "labeled-data" / "vid")], ["report"]):
        assert run([*call, "-p", str(project)]) == 3
        assert back in capsys.readouterr().err
    models = project / "dlc-models-pytorch"
    shutil.copytree(models / "iteration-0", models / "iteration-3")
    (models / "iteration-3" / Path(TRAIN).relative_to("dlc-models-pytorch/iteration-0") / "snapshot-010.pt").unlink()
    assert run(["score-maps", str(project / "labeled-data" / "vid"), "-p", str(project)]) == 3
    assert back in capsys.readouterr().err
    assert run(["evaluate", "--snapshot", "snapshot-010.pt", "-p", str(project)]) == 3
    assert back in capsys.readouterr().err


def test_label_files_without_rows(project: Path):
    base = open_project(project).labels_path("vid")
    labels = read_labels(base)
    none = replace(labels, images=(), xy=labels.xy[:0], unique_xy=labels.unique_xy[:0])
    write_labels(none, base, "me")
    (folder,) = status(project).labels
    assert (folder.labeled, folder.empty, folder.images) == (0, 0, 8)
