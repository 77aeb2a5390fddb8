from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels import read_labels, write_labels
from dlcx.formats.machine_labels import MachineLabels, write_machine_labels
from dlcx.formats.merged_labels import in_layout
from dlcx.formats.project_config import open_project
from dlcx.poses import Labels, Layout
from dlcx.workflow.merge_labels import merge_labels

LAYOUT = Layout(("snout", "back", "tail"))


@pytest.fixture
def machine(project: Path) -> Path:
    """Machine labels of an image that is labelled and of two that are not."""
    images = tuple(("labeled-data", "vid", f"img{number:02d}.png") for number in (11, 3, 9))
    xy = np.arange(18, dtype=np.float32).reshape(3, 1, 3, 2)
    score = np.full((3, 1, 3), 0.9, np.float32)
    score[0, 0, 1] = 0.5
    none = np.zeros((3, 0, 2), np.float32), np.zeros((3, 0), np.float32)
    path = open_project(project).machine_labels_path("vid")
    write_machine_labels(MachineLabels("net", LAYOUT, images, xy, score, *none), path)
    return path


def labels_of(project: Path) -> Labels:
    home = open_project(project)
    return read_labels(home.labels_path("vid"), home.layout, home.scorer)


def test_uncorrected_machine_labels_are_refused(project, machine):
    before, config = labels_of(project), (project / "config.yaml").read_bytes()
    with pytest.raises(DlcxError, match=r"machine labels of 2 image\(s\) of vid are not corrected") as caught:
        merge_labels(project)
    assert "--accept-machine-labels" in caught.value.hint
    assert labels_of(project).images == before.images
    assert (project / "config.yaml").read_bytes() == config


def test_accepted_ones_join_those_of_people(project, machine, capsys):
    before = labels_of(project)
    text = (project / "config.yaml").read_text()
    assert run(["merge-labels", "-p", str(project), "--accept-machine-labels"]) == 0
    out, err = capsys.readouterr()
    assert out == "vid: 8 labelled images, 2 as the net found them\niteration: 1\n"
    assert "create-dataset" in err
    after = labels_of(project)
    assert after.images == tuple(
        sorted({*before.images, *(("labeled-data", "vid", f"img{i:02d}.png") for i in (9, 11))})
    )
    np.testing.assert_array_equal(after.xy[:8], before.xy)  # also of image 3, which a net found elsewhere
    np.testing.assert_array_equal(after.xy[9, 0], [[0, 1], [np.nan, np.nan], [4, 5]])
    np.testing.assert_array_equal(after.xy[8, 0], [[12, 13], [14, 15], [16, 17]])
    assert (project / "config.yaml").read_text() == text.replace("iteration: 0", "iteration: 1")


def test_corrected_ones_need_no_flag(project, machine):
    home = open_project(project)
    before = labels_of(project)
    images = (*before.images, ("labeled-data", "vid", "img11.png"), ("labeled-data", "vid", "img09.png"))
    xy = np.concatenate([before.xy, np.full((2, 1, 3, 2), 5.0)])
    write_labels(Labels(LAYOUT, images, xy, np.zeros((10, 0, 2))), home.labels_path("vid"), home.scorer)
    done = merge_labels(project)
    assert (done.before, done.iteration) == (0, 1)
    assert done.folders[0].accepted == done.folders[0].corrected == 0
    assert labels_of(project).images == images  # written by its owner, left alone


def test_what_the_window_of_deeplabcut_2_saved(project, machine):
    table = pd.read_hdf(machine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.to_hdf(machine.with_name("MachineLabelsRefine.h5"), key="df_with_missing", mode="w")
    done = merge_labels(project)
    assert (done.folders[0].corrected, done.folders[0].accepted) == (2, 0)
    np.testing.assert_array_equal(labels_of(project).xy[9, 0], [[0, 1], [2, 3], [4, 5]])


def test_an_iteration_without_a_dataset_goes_on(project):
    assert merge_labels(project).iteration == 1
    again = merge_labels(project)
    assert (again.before, again.iteration) == (1, 1)
    assert "there already" in again.lines()[-1]
    assert merge_labels(project, iteration=4).iteration == open_project(project).iteration == 4


def test_names_find_their_places():
    one = Layout(("a", "b"), ("x", "y"), ("lamp",), multi=True)
    other = Layout(("b", "c", "a"), ("y",), ("door", "lamp"), multi=True)
    labels = Labels(one, (("l", "v", "i"),), np.arange(8.0).reshape(1, 2, 2, 2), np.full((1, 1, 2), 9.0))
    moved = in_layout(labels, other)
    np.testing.assert_array_equal(moved.xy[0], [[[6, 7], [np.nan, np.nan], [4, 5]]])
    np.testing.assert_array_equal(moved.unique_xy[0], [[np.nan, np.nan], [9, 9]])
