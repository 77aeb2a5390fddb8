from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import load_training_set, write_documentation
from dlcx.metrics import Interval
from dlcx.workflow.compare import _verdict, compare
from dlcx.workflow.evaluate import evaluate

TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"


@pytest.fixture
def two_snapshots(trained_project: Path) -> Path:
    """The golden snapshot of epoch 10, and one of epoch 20 whose last layer is turned around."""
    from dlcx.formats.weights.snapshot import read_snapshot, write_snapshot

    model = read_snapshot(trained_project / TRAIN / "snapshot-010.pt").model
    for name, weights in model.items():
        if name.startswith("heads.bodypart.heatmap_head"):
            model[name] = -weights
    write_snapshot(trained_project / TRAIN / "snapshot-020.pt", model=model, epoch=20, metrics={}, losses={})
    return trained_project


def test_two_snapshots(two_snapshots: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "1:10", "1:20", "-p", str(two_snapshots), "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"] == 2
    one, other = told["nets"]
    assert (one["name"], one["snapshot"], one["net_type"]) == ("1:10", "10", "resnet_50")
    assert one["parameters"] == other["parameters"] > 2e7
    assert one["metrics"]["rmse"] == pytest.approx(evaluate(two_snapshots, snapshot="10").evaluated[0].test.rmse)
    (difference,) = told["differences"]
    assert difference["name"] == "1:20"
    assert difference["error"]["value"] == pytest.approx(other["metrics"]["rmse"] - one["metrics"]["rmse"])
    assert difference["keypoints"] == one["metrics"]["labelled"]
    assert difference["found"]["value"] == 0


def test_what_cannot_be_compared(two_snapshots: Path) -> None:
    for nets in ([], [1], ["1:20", "1:last"], ["1", "one"]):
        with pytest.raises(DlcxError, match="compare"):
            compare(two_snapshots, nets)
    with pytest.raises(DlcxError, match="--snapshot 7"):
        compare(two_snapshots, ["1:10", "1:7"])


def test_images_that_one_was_trained_on_do_not_count(two_snapshots: Path) -> None:
    """Another shuffle that learned from this one's test images."""
    import shutil

    home = open_project(two_snapshots)
    one, other = home.shuffle(1), home.shuffle(2)
    shutil.copytree(one.model_dir, other.model_dir, symlinks=True)
    _, split = load_training_set(one)
    swapped = Split(np.array([1, 5, 0, 2]), np.array([3, 4, 6, 7]), split.fraction)
    write_documentation([], swapped, other.documentation_path)
    with pytest.raises(DlcxError, match="no test image in common") as told:
        compare(two_snapshots, [1, 2])
    assert "--from-shuffle" in told.value.hint
    write_documentation([], Split(np.array([1, 0, 2]), np.array([5, 3]), split.fraction), other.documentation_path)
    assert compare(two_snapshots, ["1:10", "2:20"]).images == 1


@pytest.mark.parametrize(
    ("error", "found", "verdict"),
    [
        ((-1, -2, -0.5), (0, 0, 0), "better"),
        ((1, 0.5, 2), (0, -1, 1), "worse"),
        ((1, -0.5, 2), (0, -1, 1), "no difference to be seen"),
        ((-1, -2, -0.5), (-9, -12, -5), "mixed: more exact, finds less"),
        ((1, 0.5, 2), (9, 5, 12), "mixed: less exact, finds more"),
        ((0.1, -1, 1), (9, 5, 12), "better"),
        ((np.nan, np.nan, np.nan), (-100, -100, -100), "worse"),
    ],
)
def test_verdicts(error, found, verdict: str) -> None:
    assert _verdict(Interval(*error), Interval(*found)) == verdict
