"""Every reader of files and, for each, a sound file that it reads: what the fuzzing test damages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from label_examples import LAYOUTS, example_export, example_labels, write_images

from dlcx.data.images import read_image
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.labels.interchange.coco import read_coco
from dlcx.formats.labels.registry import LabelFormat, label_formats
from dlcx.formats.predictions.analysis_pickles import (
    AnalysisMeta,
    read_full_pickle,
    read_meta_pickle,
    write_meta_pickle,
)
from dlcx.formats.predictions.assemblies import read_assemblies
from dlcx.formats.predictions.condition_poses import read_condition_poses
from dlcx.formats.predictions.evaluation import EvaluationRow, merge_combined, read_evaluation
from dlcx.formats.predictions.frame_status import read_frame_status
from dlcx.formats.predictions.sleap_analysis import read_sleap_analysis
from dlcx.formats.predictions.tracklets import read_tracklets, write_tracklets
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.inference_cfg import read_inference_cfg
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.formats.shuffles.model_config import read_model_config
from dlcx.formats.shuffles.splits import explicit_split
from dlcx.formats.shuffles.training_set import metadata_with, read_paf_best, read_sizes, read_split
from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot
from dlcx.metrics import PoseMetrics
from dlcx.poses import Instances, Labels, Layout, Prediction
from dlcx.project import Project, Shuffle
from dlcx.store import open_store
from dlcx.training.resume_state import read_state, write_state
from dlcx.workflow.import_labels import import_labels

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MUI = GOLDEN / "files" / "mui"
SET = "training-datasets/iteration-0/UnaugmentedDataSet_goldmuiNov22"
TRAIN = "dlc-models-pytorch/iteration-0/goldmuiNov22-trainset75shuffle1"
PREDICTIONS = GOLDEN / "predictions"
SCORER = "vidDLC_Resnet50_goldmuiNov22shuffle1_snapshot_10"


@dataclass(frozen=True)
class Reader:
    """``read`` reads ``file`` of a folder that ``make`` has filled."""

    name: str
    file: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]


def _copied(source: Path, target: str) -> Callable[[Path], object]:
    def copy(folder: Path) -> None:
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / target)

    return copy


def _read(reader: Reader | str, source: Path, file: str, read: Callable[[Path], object]) -> Reader:
    return Reader(str(reader), file, _copied(source, file), read)


def _project(folder: Path) -> Project:
    if not (folder / "config.yaml").is_file():
        shutil.copyfile(MUI / "config.yaml", folder / "config.yaml")
    return open_project(folder)


def _whole_project(folder: Path) -> None:
    shutil.copytree(MUI, folder, dirs_exist_ok=True)


def _metadata(path: Path) -> None:
    project = _project(path.parents[3])
    read_metadata(project)
    shuffle = Shuffle(project, 9, 0.75)
    metadata_with(project, shuffle, read_split(Shuffle(project, 1, 0.75).documentation_path))


def _config(path: Path) -> None:
    project = open_project(path)
    project.shuffles()
    for video in project.videos:
        assert video.stem


def _prediction() -> Prediction:
    return Prediction(Instances(np.ones((2, 3, 2), np.float32), np.ones((2, 3), np.float32)))


def _store(folder: Path) -> None:
    with open_store(folder / "v.dlcx", {"a": 1}) as store:
        store.append(0, [_prediction()] * 3, np.arange(3.0), np.ones(3, bool))
        store.close_chunk()
        store.record_output_frames(0, 3)


def _read_store(path: Path) -> None:
    with open_store(path.parent, {"a": 1}) as store:
        if not store.missing(0, 3):
            store.read(0, 3)


def _meta(folder: Path) -> None:
    layout = Layout(("a", "b"), ("x", "y"), ("lamp",), multi=True)
    meta = AnalysisMeta("s", layout, 1.0, 2.0, 25.0, (64, 48), 100, 8, 0, 0.95, config={"net": {"type": "x"}, "l": [1]})
    write_meta_pickle(meta, folder / "v_meta.pickle")


def _snapshot(folder: Path) -> None:
    model = {"head.weight": torch.zeros(2, 3), "head.bias": torch.zeros(2)}
    numbers = {"metrics/test.mAP": 12.5, "metrics/test.rmse": 3.0}
    write_snapshot(folder / "snapshot-010.pt", model=model, epoch=10, metrics=numbers, losses={"train.total_loss": 0.5})


def _labels() -> Labels:
    images = tuple(("labeled-data", "v", f"img{number}.png") for number in range(20))
    return Labels(Layout(("a",)), images, np.zeros((20, 1, 1, 2)), np.zeros((20, 0, 2)))


def _tracklets(folder: Path) -> None:
    layout = Layout(("a", "b", "c"), ("x", "y"), multi=True)
    rows = {0: (np.arange(5), np.ones((5, 3, 4))), 1: (np.arange(2, 4), np.ones((2, 3, 4)))}
    write_tracklets(rows, [_prediction()] * 5, folder / "v_el.pickle", layout, "s", frames=100)


def _coco(folder: Path) -> None:
    keypoints = {"id": 3, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 2, 3, 4, 2], "num_keypoints": 2}
    content = {
        "images": [{"id": 1, "file_name": "v/a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "mouse", "keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}],
        "annotations": [{**keypoints, "bbox": [1, 2, 2, 2], "area": 4}],
    }
    (folder / "labels.json").write_text(json.dumps(content))


def _split_file(folder: Path) -> None:
    (folder / "rows.txt").write_text("labeled-data/v/img3.png\nlabeled-data/v/img4.png\n")


def _split_numbers(folder: Path) -> None:
    (folder / "numbers.txt").write_text("[3, 4, 5, 7]\n")


def _combined(path: Path) -> None:
    nothing = PoseMetrics(1.0, 1.0, 1.0, 1.0, (1.0,), ())
    merge_combined(EvaluationRow(0.75, 1, 10, 0.6, nothing, nothing), path)


def _of_label_format(label_format: LabelFormat, suffix: str) -> Reader:
    """A file that the format's own writer made, with its reader: new formats are damaged without a line here."""

    def make(folder: Path) -> None:
        labels = example_labels(LAYOUTS["several"])
        write_images(labels, folder)
        assert label_format.write is not None
        label_format.write(example_export(labels, folder), folder / f"labels{suffix}")
        for target in label_format.targets(folder / f"labels{suffix}"):
            if target.suffix != suffix:
                target.unlink()

    def read(path: Path) -> object:
        assert label_format.read is not None
        return label_format.read(path, predicted=True)

    return Reader(f"{label_format.name} labels {suffix}", f"labels{suffix}", make, read)


def _importable(folder: Path) -> None:
    """A project, and labels of another one with their images beside it."""
    root = folder / "project"
    root.mkdir()
    shutil.copyfile(MUI / "config.yaml", root / "config.yaml")
    shutil.copyfile(GOLDEN / "evaluation/mui/CollectedData_me.csv", folder / "given.csv")
    shutil.copytree(GOLDEN / "evaluation/mui/images", folder / "labeled-data/vid")


def _import(path: Path) -> None:
    """Labels that are imported stay in the project, whatever their images are called."""
    before = set(path.parent.iterdir())
    try:
        import_labels(path.parent / "project", path)
    finally:
        assert set(path.parent.iterdir()) == before
        shutil.rmtree(path.parent / "project/labeled-data", ignore_errors=True)


def _image(folder: Path) -> None:
    import cv2

    path = folder / "labeled-data" / "v" / "img3.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3))


def _image_and_size(path: Path) -> None:
    read_image(path)
    labels = Labels(Layout(("a",)), (("labeled-data", "v", "img3.png"),), np.zeros((1, 1, 1, 2)), np.zeros((1, 0, 2)))
    read_sizes(_project(path.parents[2]), labels)


READERS = (
    _read("config", MUI / "config.yaml", "config.yaml", _config),
    _read("labels h5", GOLDEN / "evaluation/mui/CollectedData_me.h5", "CollectedData_me.h5", read_labels),
    _read("labels csv", GOLDEN / "evaluation/mui/CollectedData_me.csv", "CollectedData_me.csv", read_labels),
    _read("pytorch_config", MUI / TRAIN / "train/pytorch_config.yaml", "pytorch_config.yaml", read_model_config),
    Reader(
        "dlcx.yaml",
        "dlcx.yaml",
        lambda folder: (folder / "dlcx.yaml").write_text(
            "net_type: resnet_50\nweights: imagenet\nseed: 42\noverrides: [a=1]\n"
        ),
        read_dlcx_config,
    ),
    _read("predictions h5", PREDICTIONS / f"{SCORER}_el.h5", "v.h5", read_predictions),
    _read("predictions csv", PREDICTIONS / f"{SCORER}_el.csv", "v.csv", read_predictions),
    _read(
        "full pickle", PREDICTIONS / f"{SCORER}_full.pickle", "v_full.pickle", lambda path: read_full_pickle(path, 2)
    ),
    Reader("meta pickle", "v_meta.pickle", _meta, read_meta_pickle),
    _read(
        "assemblies",
        PREDICTIONS / f"{SCORER}_assemblies.pickle",
        "v_assemblies.pickle",
        lambda path: read_assemblies(path, 2),
    ),
    Reader("tracklets", "v_el.pickle", _tracklets, read_tracklets),
    Reader("COCO of another program", "labels.json", _coco, read_coco),
    _read("inference_cfg", MUI / TRAIN / "test/inference_cfg.yaml", "inference_cfg.yaml", read_inference_cfg),
    _read("split", MUI / SET / "Documentation_data-goldmui_75shuffle1.pickle", "split.pickle", read_split),
    Reader("metadata", f"{SET}/metadata.yaml", _whole_project, _metadata),
    Reader(
        "pose_cfg",
        f"{TRAIN}/test/pose_cfg.yaml",
        _whole_project,
        lambda path: read_paf_best(_project(path.parents[4]).shuffle(1)),
    ),
    Reader("split by images", "rows.txt", _split_file, lambda path: explicit_split(path, None, _labels(), 0.9)),
    Reader("split by numbers", "numbers.txt", _split_numbers, lambda path: explicit_split(None, path, _labels(), 0.9)),
    _read("learning stats", GOLDEN / "learning_stats/sa.csv", "learning_stats.csv", read_learning_stats),
    _read("evaluation", GOLDEN / f"evaluation/mui/{SCORER.removeprefix('vid')}.h5", "evaluation.h5", read_evaluation),
    _read("combined results", GOLDEN / "evaluation/sa/CombinedEvaluation-results.csv", "combined.csv", _combined),
    _read("guesses", PREDICTIONS / f"{SCORER}_el.h5", "guesses.h5", lambda path: read_condition_poses(path, ["back"])),
    _read(
        "guesses csv",
        PREDICTIONS / f"{SCORER}_el.csv",
        "guesses.csv",
        lambda path: read_condition_poses(path, ["back"]),
    ),
    _read("SLEAP", GOLDEN / "tracks/sleap.analysis.h5", "v.analysis.h5", read_sleap_analysis),
    Reader("snapshot", "snapshot-010.pt", _snapshot, read_snapshot),
    Reader(
        "resume state",
        "state.pt",
        lambda folder: write_state({"epoch": 3, "random": {"a": [1]}, "model": {}, "recipe": {}}, folder / "state.pt"),
        read_state,
    ),
    Reader(
        "frame status",
        "v_frames.csv",
        lambda folder: (folder / "v_frames.csv").write_text("frame,time,state\n3,0.12,decoded\n4,0.16,missing\n"),
        read_frame_status,
    ),
    *(_of_label_format(one, suffix) for one in label_formats() if one.read and one.write for suffix in one.suffixes),
    Reader("import", "given.csv", _importable, _import),
    Reader("store", "v.dlcx/manifest.json", _store, _read_store),
    Reader("image", "labeled-data/v/img3.png", _image, _image_and_size),
)
