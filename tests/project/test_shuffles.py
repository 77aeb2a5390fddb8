"""Names of a shuffle's files as in DeepLabCut, and which snapshot a call selects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.project_config import read_prefixes
from dlcx.formats.shuffles.model_config import shuffle_config
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.project import DETECTOR, Snapshot, net_name


@pytest.mark.parametrize(
    ("net", "name"),
    [
        ("resnet_50", "Resnet50"),
        ("dlcrnet_stride16_ms5", "DlcrnetStride16Ms5"),
        ("ctd_prenet_rtmpose_s", "CtdPrenetRtmposeS"),
        ("timm/tf_efficientnet_lite0", "TimmTfEfficientnetLite0"),
        ("timm/vit_small.dino", "TimmVitSmallDino"),
    ],
)
def test_net_names_in_file_names(net, name):
    assert net_name(net) == name


def test_places_of_a_shuffle(project):
    shuffle = project.shuffle(3, trainset_index=1)
    base = project.root
    assert shuffle.name == "openOct5-trainset28shuffle3"  # 0.29 truncates to 28
    assert (
        shuffle.model_config_path
        == base / "dlc-models-pytorch/iteration-2" / shuffle.name / "train/pytorch_config.yaml"
    )
    assert shuffle.documentation_path == (
        base / "training-datasets/iteration-2/UnaugmentedDataSet_openOct5/Documentation_data-open_28shuffle3.pickle"
    )
    assert shuffle.evaluation_dir == base / "evaluation-results-pytorch/iteration-2" / shuffle.name
    assert project.labels_path("v1") == base / "labeled-data/v1/CollectedData_me"
    with pytest.raises(DlcxError, match="--trainset-index 2"):
        project.shuffle(1, trainset_index=2)


def test_scorer_names(project):
    shuffle = project.shuffle(3)
    best = Snapshot.of(Path("snapshot-best-025.pt"))
    assert shuffle.scorer("resnet_50", best) == "DLC_Resnet50_openOct5shuffle3_snapshot_best-25"
    boxes = Snapshot.of(Path("snapshot-detector-010.pt"))
    assert shuffle.scorer("resnet_50", best, boxes) == ("DLC_Resnet50_openOct5shuffle3_detector_10_snapshot_best-25")


def test_only_files_are_snapshots(project):
    shuffle = project.shuffle(1)
    shuffle.train_dir.mkdir(parents=True, exist_ok=True)
    (shuffle.train_dir / "snapshot-003.pt").touch()
    (shuffle.train_dir / "snapshot-011.pt").mkdir()
    assert [snapshot.epoch for snapshot in shuffle.snapshots()] == [3]


def test_snapshots_by_name(project):
    shuffle = project.shuffle(1)
    with pytest.raises(DlcxError, match="has no snapshot"):
        shuffle.snapshot("best")
    shuffle.train_dir.mkdir(parents=True)
    for name in ("snapshot-010.pt", "snapshot-best-005.pt", "snapshot-200.pt", "snapshot-detector-003.pt", "x.pt"):
        (shuffle.train_dir / name).touch()
    assert [snapshot.uid for snapshot in shuffle.snapshots()] == ["10", "200", "best-5"]
    assert shuffle.snapshot("best").epoch == 5
    assert shuffle.snapshot("last").epoch == 200
    assert shuffle.snapshot("10").path.name == "snapshot-010.pt"
    assert shuffle.snapshot("5").best
    assert shuffle.snapshot("snapshot-010.pt").epoch == 10
    assert shuffle.snapshot("last", prefix="snapshot-detector").epoch == 3
    with pytest.raises(DlcxError) as caught:
        shuffle.snapshot("11")
    assert "--snapshot 11" in str(caught.value)
    assert "10" in caught.value.hint
    with pytest.raises(DlcxError, match="no such file"):
        shuffle.snapshot("nowhere/snapshot-010.pt")


@pytest.mark.parametrize(
    ("names", "last"),
    [
        (("snapshot-025.pt", "snapshot-best-030.pt"), "best-30"),  # the best epoch is the last one
        (("snapshot-030.pt", "snapshot-best-030.pt"), "30"),
        (("snapshot-030.pt", "snapshot-best-025.pt"), "30"),
        (("snapshot-best-100.pt", "snapshot-090.pt", "snapshot-1000.pt"), "1000"),
    ],
)
def test_the_last_snapshot_has_the_highest_epoch(project, names, last):
    shuffle = project.shuffle(1)
    shuffle.train_dir.mkdir(parents=True)
    for name in names:
        (shuffle.train_dir / name).touch()
    assert shuffle.snapshot("last").uid == last


@pytest.mark.parametrize(
    ("index", "uid"), [(-1, "best-5"), (-2, "200"), (-3, "10"), (0, "10"), (1, "200"), (2, "best-5"), ("all", "best-5")]
)
def test_config_says_which_snapshot_is_meant(project, index, uid):
    shuffle = replace(project, snapshot_index=index, detector_snapshot_index=0).shuffle(3)
    shuffle.train_dir.mkdir(parents=True)
    for name in ("snapshot-010.pt", "snapshot-200.pt", "snapshot-best-005.pt"):
        (shuffle.train_dir / name).touch()
        (shuffle.train_dir / name.replace("snapshot", "snapshot-detector")).touch()
    assert shuffle.snapshot().uid == uid
    assert shuffle.snapshot(prefix="snapshot-detector").uid == "10"
    assert shuffle.snapshot("last").uid == "200"


@pytest.mark.parametrize(("index", "of_detector"), [(2, False), (-3, False), (2, True)])
def test_an_index_without_a_snapshot_is_refused(project, index, of_detector):
    project = replace(project, **{"detector_snapshot_index" if of_detector else "snapshot_index": index})
    shuffle, prefix = project.shuffle(3), "snapshot-detector" if of_detector else "snapshot"
    shuffle.train_dir.mkdir(parents=True)
    for name in ("005", "best-003"):
        (shuffle.train_dir / f"{prefix}-{name}.pt").touch()
    with pytest.raises(DlcxError) as caught:
        shuffle.snapshot(prefix=prefix)
    key, flag = ("detector_snapshotindex", "--detector-snapshot") if of_detector else ("snapshotindex", "--snapshot")
    assert f"config.yaml: {key} is {index}, but" in str(caught.value)
    assert "has 2 snapshot(s): 5, best-3" in str(caught.value)
    assert "from -2 to 1" in caught.value.hint
    assert f"with {flag}." in caught.value.hint


def test_hints_name_the_shuffle(project):
    shuffle = project.shuffle(3, trainset_index=1)
    with pytest.raises(DlcxError) as told:
        shuffle.snapshot("best")
    assert told.value.hint.startswith("Run `dlcx create-dataset --shuffle 3 --trainset-index 1` first")
    for read in (shuffle_config, load_training_set):
        with pytest.raises(DlcxError) as told:
            read(shuffle)
        assert "dlcx create-dataset --shuffle 3 --trainset-index 1`" in told.value.hint
    shuffle.train_dir.mkdir(parents=True)
    shuffle.model_config_path.touch()
    with pytest.raises(DlcxError) as told:
        shuffle.snapshot("best")
    assert told.value.hint == "Run `dlcx train --shuffle 3` first."


def test_without_a_best_snapshot_the_last_one_counts(project):
    shuffle = project.shuffle(1)
    shuffle.train_dir.mkdir(parents=True)
    (shuffle.train_dir / "snapshot-010.pt").touch()
    assert shuffle.snapshot("best").uid == "10"


@pytest.mark.parametrize("text", ["mysnap", "'my snap.v2'", '"-x"', "snap(1)+", "7", "$HOME", "snapshot-fold1"])
def test_snapshots_are_found_by_the_prefix_of_the_file(project, text):
    prefix = text.strip("'\"")
    shuffle = replace(project, snapshot_prefixes=read_prefixes).shuffle(3)
    shuffle.train_dir.mkdir(parents=True)
    for name in (f"{prefix}-010", f"{prefix}-best-005", f"boxes {prefix}-003", "snapshot-020", "snapshot-best-001"):
        (shuffle.train_dir / f"{name}.pt").write_bytes(b"")
    assert shuffle.snapshot().path.name == "snapshot-best-001.pt"
    shuffle.model_config_path.write_text(
        f"runner:\n  snapshot_prefix: {text}\ndetector:\n  runner: {{\"snapshot_prefix\": 'boxes {prefix}'}}\n"
    )
    assert [snapshot.path.name for snapshot in shuffle.snapshots()] == [f"{prefix}-010.pt", f"{prefix}-best-005.pt"]
    assert shuffle.snapshot("last").epoch == 10
    assert shuffle.snapshot("5").uid == "best-5"
    assert shuffle.snapshot("best", DETECTOR).path.name == f"boxes {prefix}-003.pt"
    assert shuffle.snapshot_path(7).name == f"{prefix}-007.pt"
    with pytest.raises(DlcxError, match="--snapshot 11: "):
        shuffle.snapshot("11")


@pytest.mark.parametrize(
    "text",
    [
        "runner: 3",
        "runner: {snapshot_prefix: }",
        "runner: {snapshot_prefix: [a",
        "- a",
        "",
        "runner: {snapshot_prefix: ../x}",
    ],
)
def test_files_without_a_prefix_mean_the_usual_one(project, text):
    shuffle = replace(project, snapshot_prefixes=read_prefixes).shuffle(1)
    shuffle.train_dir.mkdir(parents=True)
    (shuffle.train_dir / "snapshot-001.pt").write_bytes(b"")
    shuffle.model_config_path.write_text(text)
    assert shuffle.snapshot().epoch == 1
