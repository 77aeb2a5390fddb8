"""Projects whose shuffles were made for DeepLabCut's TensorFlow engine."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.formats.shuffles.tensorflow_shuffles import (
    is_tensorflow,
    next_free_number,
    tensorflow_net,
    tensorflow_shuffles,
)
from dlcx.formats.shuffles.training_set import read_split
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.status import status

NAME = "goldsaNov22-trainset75shuffle1"


@pytest.fixture
def project(project: Path) -> Path:
    """DeepLabCut's project as DeepLabCut 2 would have left it: a TensorFlow network, and no metadata.yaml."""
    for path in (project / "dlc-models-pytorch" / "iteration-0").iterdir():
        shutil.rmtree(path)
    (tables,) = (project / "training-datasets" / "iteration-0").iterdir()
    for path in [*tables.glob("*shuffle[2-9]*"), tables / "metadata.yaml"]:
        path.unlink()
    train = project / "dlc-models" / "iteration-0" / NAME / "train"
    train.mkdir(parents=True)
    (train / "pose_cfg.yaml").write_text("net_type: resnet_50\n")
    (train / "snapshot-1030000.index").write_bytes(b"weights")
    return project


@pytest.fixture
def told(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    return caplog


def make(project: Path, **options):
    return create_dataset(project, **{"weights": "none", **options})


def documentation(project: Path, number: int = 1) -> Path:
    return open_project(project).shuffle(number).documentation_path


@pytest.mark.parametrize("signs", [{"models"}, {"metadata"}, {"documentation"}, {"models", "documentation"}])
def test_each_sign_of_a_tensorflow_shuffle_is_enough(project, signs):
    home = open_project(project)
    if "models" not in signs:
        shutil.rmtree(project / "dlc-models")
    if "documentation" not in signs:
        documentation(project).unlink()
    if "metadata" in signs:
        home.metadata_path.write_text(
            f"shuffles:\n  {NAME}:\n    train_fraction: 0.75\n    index: 1\n    split: 1\n    engine: tensorflow\n"
        )
    (found,) = tensorflow_shuffles(home)
    assert (found.name, found.number, found.fraction) == (NAME, 1, 0.75)
    assert tensorflow_net(found) == ("resnet_50" if "models" in signs else "?")
    assert (is_tensorflow(home.shuffle(1)), is_tensorflow(home.shuffle(2))) == (True, False)
    assert next_free_number(home) == 2
    assert home.shuffles() == []


def test_shuffles_of_pytorch_are_none(project):
    home = open_project(project)
    config = home.shuffle(1).model_config_path
    config.parent.mkdir(parents=True)
    config.touch()
    assert tensorflow_shuffles(home) == []  # both engines have it: commands use PyTorch's
    shutil.rmtree(home.shuffle(1).model_dir)
    shutil.rmtree(project / "dlc-models")
    entry = f"  {NAME}:\n    train_fraction: 0.75\n    index: 1\n    split: 1\n    engine: pytorch\n"
    home.metadata_path.write_text(f"shuffles:\n{entry}")
    assert tensorflow_shuffles(home) == []  # its model folder was deleted


def test_shuffles_of_fractions_that_config_yaml_lacks_keep_their_numbers(project):
    (project / "dlc-models" / "iteration-0" / "goldsaNov22-trainset29shuffle7").mkdir()
    first, second = tensorflow_shuffles(open_project(project))
    assert (first.number, first.percent, second.number) == (7, 29, 1)
    assert next_free_number(open_project(project)) == 8
    assert {one.shuffle: one.trainset_index for one in status(project).shuffles} == {7: None, 1: 0}


def test_status_lists_it_and_recommends_what_works(project, capsys):
    result = status(project)
    (shuffle,) = result.shuffles
    assert (shuffle.engine, shuffle.net_type, shuffle.train_images, shuffle.test_images) == (
        "tensorflow",
        "resnet_50",
        6,
        2,
    )
    lines = result.lines()
    assert any(line.split() == ["1", "resnet_50", "(TensorFlow)", "6+2", "-", "-"] for line in lines)
    (line,) = (line for line in lines if line.startswith("TensorFlow shuffle 1: "))
    assert "labels and splits can be reused" in line
    assert line.endswith("weights cannot")
    (step,) = result.next_steps
    assert step == f"Next: dlcx create-dataset --project {project}"
    before = documentation(project).read_bytes()
    assert run([*step.split()[2:], "--weights", "none"]) == 0
    out = capsys.readouterr().out
    assert "shuffle 2: resnet_50" in out
    assert line in out
    assert documentation(project).read_bytes() == before
    assert status(project).next_steps == (f"Next: dlcx train --project {project} --shuffle 2",)


def test_the_next_free_number_is_taken_and_the_same_call_means_it_again(project):
    assert [one.shuffle for one in make(project).shuffles] == [2]
    (again,) = make(project).shuffles
    assert (again.shuffle, again.existed) == (2, True)
    entries = read_metadata(open_project(project))
    assert {entry["index"]: entry["engine"] for entry in entries.values()} == {1: "tensorflow", 2: "pytorch"}
    with pytest.raises(DlcxError, match="shuffle 2 exists with other settings") as caught:
        make(project, seed=3)
    assert "--shuffle 3" in caught.value.hint


def test_its_split_can_be_taken_over(project):
    (made,) = make(project, from_shuffle=1).shuffles
    assert made.shuffle == 2
    assert read_split(made.documentation).same_rows(read_split(documentation(project)))


def test_its_split_is_replaced_only_when_its_number_is_given(project, told):
    before = documentation(project).read_bytes()
    make(project, overwrite=True)
    with pytest.raises(DlcxError, match=r"shuffle 1 .* was made for DeepLabCut's TensorFlow engine") as caught:
        make(project, shuffle=1)
    assert "--shuffle 3" in caught.value.hint
    assert "--from-shuffle 1" in caught.value.hint
    assert documentation(project).read_bytes() == before
    make(project, shuffle=1, seed=9, overwrite=True)
    assert documentation(project).read_bytes() != before
    assert f"the record of the split of the TensorFlow shuffle {NAME} is replaced" in told.text


@pytest.mark.parametrize("moved", [5e-8, 0.01])
def test_labels_that_differ_by_rounding_are_not_called_corrected(project, told, moved):
    home = open_project(project)
    labels = read_labels(home.merged_labels_path)
    write_labels(dataclasses.replace(labels, xy=labels.xy + moved), home.labels_path("vid"), "me")
    make(project)
    assert ("labels were corrected" in told.text) == (moved == 0.01)
    merged = read_labels(home.merged_labels_path)
    np.testing.assert_array_equal(merged.xy, labels.xy + (moved if moved == 0.01 else 0))


@pytest.mark.parametrize(
    "call",
    [
        "train",
        "evaluate",
        "compare 1 2",
        "report",
        "analyze-video V",
        "merge-parts V",
        "create-labeled-video V",
        "export-model",
    ],
)
def test_commands_say_why_they_cannot_use_it(project, capsys, call):
    words = [str(project / "v.avi") if word == "V" else word for word in call.split()]
    (project / "v.avi").write_bytes(b"")
    assert run([*words, "--project", str(project)]) == 3
    err = capsys.readouterr().err
    assert f"error: shuffle 1 ({NAME}) was made for DeepLabCut's TensorFlow engine" in err
    assert f"hint: Run `dlcx create-dataset --project {project}` for a new shuffle with the same labels." in err
    assert ("--poses FILE.h5" in err) == call.startswith("create-labeled-video")


def test_the_hint_names_the_shuffles_of_pytorch(project, capsys):
    make(project)
    assert run(["train", "--project", str(project)]) == 3
    assert "hint: Name a PyTorch shuffle: --shuffle 2." in capsys.readouterr().err


def test_json_names_the_engine(project, capsys):
    assert run(["status", "--project", str(project), "--json"]) == 0
    assert [one["engine"] for one in json.loads(capsys.readouterr().out)["shuffles"]] == ["tensorflow"]
