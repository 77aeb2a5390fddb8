"""Training the detector of a top-down net: before the net, with files of its own, resumed exactly."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_train import Signal, copy, place_of, put_back, same

from dlcx.errors import DlcxError, Stopped
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config
from dlcx.formats.shuffles.learning_stats import read_learning_stats
from dlcx.formats.shuffles.model_config import read_model_config, write_model_config
from dlcx.formats.weights.snapshot import read_snapshot
from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.project import DETECTOR
from dlcx.settings import ModelConfig
from dlcx.training.resume_state import read_state
from dlcx.workflow.train import train


@pytest.fixture
def crops(tiny: Path) -> Path:
    """The tiny project with a top-down net, to be trained for 2 epochs like its detector."""
    place = place_of(tiny)
    plain = model_config("top_down_timm/test_resnet", Layout(("red", "green")))
    for part in ("train", "inference"):
        plain["data"][part]["top_down_crop"] = {"width": 64, "height": 64}
    detector = plain["detector"]
    detector["model"]["freeze_bn_stats"] = False  # random layers have no statistics worth keeping
    detector["data"]["train"]["collate"] = {"type": "ResizeFromListCollate", "scales": [64], "max_shift": 4}
    for settings in (plain, detector):
        settings["runner"] |= {"eval_interval": 2, "snapshots": {"max_snapshots": 3, "save_epochs": 2}}
        settings["train_settings"] = {"batch_size": 4, "epochs": 2, "seed": 1}
    write_model_config(ModelConfig.model_validate(plain), place.model_config_path)
    return tiny


def left(root: Path) -> tuple:
    """Everything a training leaves that a resumed one must leave bit for bit."""
    place = place_of(root)
    files = [place.training_files(detector=detector) for detector in (True, False)]
    weights = {path.name: dict(read_snapshot(path).model) for path in place.train_dir.glob("snapshot*.pt")}
    return (
        [read_state(each.resume_state) for each in files],
        [read_learning_stats(each.learning_stats) for each in files],
        weights,
    )


def test_the_detector_comes_first_with_files_of_its_own(crops):
    result = train(crops)
    assert (result.detector.epoch, result.detector.trained, result.epoch, result.trained) == (2, 2, 2, 2)
    assert result.detector.key_metric == "test.mAP@50:95"
    place = place_of(crops)
    names = {path.name for path in place.train_dir.iterdir()}
    assert {
        "snapshot-detector-best-002.pt",
        "snapshot-best-002.pt",
        "learning_stats_detector.csv",
        "learning_stats.csv",
        "learning_curve_detector.png",
        "learning_curve.png",
        "dlcx-resume-detector.pt",
        "dlcx-resume.pt",
    } <= names
    rows = read_learning_stats(place.training_files(detector=True).learning_stats)
    losses = {f"losses/train.{name}" for name in ("bbox_regression", "classification", "total_loss")}
    found = {f"metrics/test.{name}@{at}" for name in ("mAP", "mAR") for at in ("50:95", "50", "75")}
    assert set(rows[0]) == {"step", *losses}
    assert set(rows[1]) == {"step", *losses, *found}
    snapshot = read_snapshot(place.snapshot("best", DETECTOR).path)
    assert all(name.startswith("model.") for name in snapshot.model)
    log = place.train_log_path.read_text().splitlines()
    assert len(log) == 4
    assert result.lines()[0].startswith("trained: detector of tiny")

    again = train(crops)
    assert (again.detector.trained, again.trained) == (0, 0)
    assert "increase --detector-epochs to train longer" in again.lines()[0]
    more = train(crops, detector_epochs=3)
    assert (more.detector.epoch, more.detector.trained, more.trained) == (3, 1, 0)
    assert read_model_config(place.model_config_path).detector.train_settings.epochs == 3


def test_a_training_that_is_stopped_ends_as_one_that_never_was(crops):
    straight = copy(crops, "straight")
    train(straight)
    # 2 batches an epoch: in the middle of the detector's second one, then of the net's first
    for at in (3, 3):
        with pytest.raises(Stopped):
            train(crops, progress=Signal(at, signal.SIGTERM))
    assert read_state(place_of(crops).resume_state_path)["epoch"] == 0
    train(crops)
    for one, other in zip(left(straight), left(crops), strict=True):
        assert same(one, other)


def test_a_start_over_that_is_stopped_gives_both_nets_up(crops, monkeypatch):
    straight = copy(crops, "straight")
    train(straight)
    train(crops, overrides=["train_settings.seed=5", "detector.train_settings.seed=5"])
    over = {"seed": 1, "resume": "none", "overwrite": True}
    with pytest.raises(Stopped):
        train(crops, **over, progress=Signal(3))
    files = place_of(crops).training_files(detector=False)
    assert not [path for path in (files.resume_state, files.learning_stats, files.learning_curve) if path.exists()]
    assert not place_of(crops).snapshots("snapshot")
    train(crops)
    for one, other in zip(left(straight), left(crops), strict=True):
        assert same(one, other)
    # in a job: the detector goes on, then the net begins, then it goes on as well
    for times, at in ((0, 3), (1, 3), (2, 0)):
        put_back(monkeypatch, times)
        with pytest.raises(Stopped) if at else nullcontext():
            assert train(crops, **over, progress=Signal(at)).detector.trained == 0
    results = [left(root) for root in (straight, crops)]
    assert {state.pop("job") for states, *_ in results for state in states} == {"", "slurm::7"}
    assert same(*results)


def test_a_start_over_keeps_what_the_detector_has_learned_anew(crops):
    """Its new files have the names of those that are given up."""
    straight = copy(crops, "straight")
    train(straight)
    train(crops, overrides=["train_settings.seed=5", "detector.train_settings.seed=5"])
    train(crops, seed=1, resume="none", overwrite=True)
    assert same(left(straight), left(crops))


def test_one_of_the_two_may_be_left_out(crops):
    alone = train(crops, epochs=0)
    assert (alone.detector.trained, alone.epoch) == (2, 0)
    assert not list(place_of(crops).train_dir.glob("snapshot-best*"))
    assert alone.lines()[-1].startswith("not trained")
    net = train(crops, epochs=1, detector_epochs=0)
    assert (net.detector, net.trained) == (None, 1)
    with pytest.raises(DlcxError, match="--epochs 0"):
        train(crops, epochs=0, detector_epochs=0)


def test_what_could_not_begin_is_named_before_the_detector_is_trained(crops, tmp_path):
    for options, message in (
        ({"weights": "gone.pt", "detector_weights": "none"}, r"--weights .*gone\.pt: no such file"),
        ({"detector_weights": "gone.pt"}, r"--detector-weights .*gone\.pt: no such file"),
        ({"overrides": ["model.backbone.model_name=resnet_x"]}, "resnet_x"),
        ({"overrides": ["detector.model.variant=x", "detector.model.type=FasterRCNN"]}, r"detector\.model\.variant"),
        ({"overrides": ["detector.runner.key_metric=test.mAP"]}, r"detector\.runner\.key_metric"),
        ({"overrides": ["detector.data.train.collate.scales=[]"]}, r"collate\.scales"),
        ({"resume": "snapshot-detector-009.pt"}, "--resume"),
    ):
        with pytest.raises(DlcxError, match=message):
            train(crops, **options)
    assert not list(place_of(crops).train_dir.glob("*.pt"))


def test_nets_that_need_no_boxes_have_no_detector(tiny):
    with pytest.raises(DlcxError, match=r"--detector-epochs 3: .* has no detector"):
        train(tiny, detector_epochs=3)


def test_a_snapshot_of_the_detector_is_its_alone(crops):
    train(crops)
    with pytest.raises(DlcxError, match=r"--resume none: .* of the training so far"):
        train(crops, detector_epochs=3, resume="none")
    place = place_of(crops)
    pose = place.resume_state_path.read_bytes()
    result = train(crops, detector_epochs=3, resume=str(place.snapshot("best", DETECTOR).path), overwrite=True)
    assert (result.detector.epoch, result.detector.trained, result.trained) == (3, 1, 0)
    assert place.resume_state_path.read_bytes() == pose


def test_first_weights_of_the_detector_are_remembered(crops):
    place = place_of(crops)
    assert read_dlcx_config(place.dlcx_config_path).detector_source == "none"
    train(crops, epochs=0)
    first = place.snapshot("best", DETECTOR).path
    kept = first.rename(crops / "mine.pt")
    train(crops, epochs=0, detector_weights=str(kept), resume="none", overwrite=True)
    assert read_dlcx_config(place.dlcx_config_path).detector_weights == str(kept)


@pytest.mark.slow
def test_a_detector_finds_what_it_has_learned(crops):
    """From random weights: the two dots lie in one box."""
    result = train(
        crops,
        epochs=0,
        detector_epochs=120,
        overrides=["detector.runner.optimizer.params.lr=1e-3", "detector.runner.eval_interval=20"],
    )
    assert result.detector.best_score > 30
    from dlcx.data.labeled_images import LabeledImages, labeled_boxes
    from dlcx.formats.shuffles.training_set import load_training_set
    from dlcx.metrics import evaluate_boxes
    from dlcx.nets.build import build_detector
    from dlcx.predictors.detector import create_detector

    place = place_of(crops)
    config = read_model_config(place.model_config_path)
    model = build_detector(config.detector)
    model.load_state_dict(read_snapshot(place.snapshot("best", DETECTOR).path).model)
    detector = create_detector(model, config.detector, max_animals=1, device="cpu")
    labels, split = load_training_set(place)
    paths = [crops.joinpath(*labels.images[row]) for row in split.test]
    images = LabeledImages(paths, [labels.pose(int(row)) for row in split.test])
    truth = [labeled_boxes(labeled, config.data.bbox_margin).box for labeled in images]
    found = [detector.predict(cv2.imread(str(path))[None, ..., ::-1])[0] for path in paths]
    assert evaluate_boxes(truth, found).mAP_50 > 90
    assert np.isfinite([one.box_score for one in found]).all()
