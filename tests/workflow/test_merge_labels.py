from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.labels.machine_labels import MachineLabels, read_machine_labels, write_machine_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import to_layout
from dlcx.poses import Labels, Layout
from dlcx.workflow.create_dataset import create_dataset
from dlcx.workflow.import_labels import import_labels
from dlcx.workflow.merge_labels import merge_labels

LAYOUT = Layout(("snout", "back", "tail"))


@pytest.fixture
def machine(project: Path) -> Path:
    """Machine labels of an image that is labeled and of two that are not."""
    images = tuple(("labeled-data", "vid", f"img{number:02d}.png") for number in (11, 3, 9))
    xy = np.arange(18, dtype=np.float32).reshape(3, 1, 3, 2)
    score = np.full((3, 1, 3), 0.9, np.float32)
    score[0, 0, 1] = 0.5
    none = np.zeros((3, 0, 2), np.float32), np.zeros((3, 0), np.float32)
    path = open_project(project).machine_labels_path("vid")
    write_machine_labels(MachineLabels("net", LAYOUT, images, xy, score, *none), path)
    for image in images:
        shutil.copyfile(path.with_name("img00.png"), project.joinpath(*image))
    return path


def refine(machine: Path) -> None:
    """Save the machine labels as the refinement window of DeepLabCut 2 does."""
    table = pd.read_hdf(machine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.to_hdf(machine.with_name("MachineLabelsRefine.h5"), key="df_with_missing", mode="w")


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
    assert out == "vid: 8 labeled images, 2 as the net found them\niteration: 1\n"
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
    refine(machine)
    done = merge_labels(project)
    assert (done.folders[0].corrected, done.folders[0].accepted) == (2, 0)
    np.testing.assert_array_equal(labels_of(project).xy[9, 0], [[0, 1], [2, 3], [4, 5]])


def write_rows(project: Path, labels: Labels, rows: list[int]) -> None:
    """Keep some rows of the label files."""
    home = open_project(project)
    kept = replace(
        labels, images=tuple(labels.images[i] for i in rows), xy=labels.xy[rows], unique_xy=labels.unique_xy[rows]
    )
    write_labels(kept, home.labels_path("vid"), home.scorer)


def test_deleted_rows_do_not_come_back(project, machine):
    refine(machine)
    merge_labels(project)
    merged = labels_of(project)
    assert [image[2] for image in merged.images[8:]] == ["img09.png", "img11.png"]
    write_rows(project, merged, [*range(9)])  # img11 is a bad image
    done = merge_labels(project)
    assert done.folders[0].corrected == 0
    assert labels_of(project).images == merged.images[:9]


def test_labels_of_deleted_images_are_left_out(project, machine, capsys):
    (machine.parent / "img09.png").unlink()
    with pytest.raises(DlcxError, match=r"machine labels of 1 image\(s\) of vid are not corrected"):
        merge_labels(project)
    assert run(["merge-labels", "-p", str(project), "--accept-machine-labels"]) == 0
    line = "vid: 8 labeled images, 1 as the net found them, 1 left out (the image was deleted)"
    assert capsys.readouterr().out.splitlines()[0] == line
    assert [image[2] for image in labels_of(project).images[8:]] == ["img11.png"]


def test_refined_labels_of_deleted_images_are_left_out(project, machine):
    refine(machine)
    (machine.parent / "img09.png").unlink()
    assert merge_labels(project).folders[0].corrected == 1
    assert [image[2] for image in labels_of(project).images[8:]] == ["img11.png"]


@pytest.mark.parametrize("cutoff", ["0.6", "0.95"])
def test_images_below_the_cutoff_are_accepted_only_when_asked(project, machine, cutoff, capsys):
    labels = read_machine_labels(machine)
    score = labels.score.copy()
    score[2] = 0.59  # img09
    write_machine_labels(replace(labels, score=score), machine)
    empty = 1 if cutoff == "0.6" else 2
    call = ["merge-labels", "-p", str(project), "--pcutoff", cutoff]
    before = labels_of(project)
    if empty == 1:
        assert run(call) == 3
        assert "machine labels of 1 image(s) of vid are not corrected" in capsys.readouterr().err
    else:  # nothing is to be corrected, and nothing to be merged
        assert run(call) == 0
        out, err = capsys.readouterr()
        assert out.splitlines()[1] == "iteration: 0 (nothing to merge: the labels are those of its training dataset)"
        assert "label the images that are left out" in err
    assert run([*call, "--accept-empty"]) == 3
    assert "--accept-empty belongs to --accept-machine-labels" in capsys.readouterr().err
    assert run([*call, "--accept-machine-labels", "--iteration", "0"]) == 0
    out, err = capsys.readouterr()
    accepted = ", 1 as the net found them" if empty == 1 else ""
    assert out.splitlines()[0] == f"vid: 8 labeled images{accepted}, {empty} left out (no point reaches the cutoff)"
    assert f"{empty} machine-labeled images are not taken" in err
    names = [image[2] for image in labels_of(project).images]
    assert names[8:] == (["img11.png"] if empty == 1 else [])
    write_rows(project, before, [*range(8)])
    assert run([*call, "--accept-machine-labels", "--accept-empty"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"vid: 8 labeled images, 2 as the net found them, {empty} of them without an animal"
    assert "not taken" not in err
    after = labels_of(project)
    assert [image[2] for image in after.images[8:]] == ["img09.png", "img11.png"]
    assert np.isnan(after.xy[8]).all()
    assert np.isnan(after.xy[9]).all() == (empty == 2)


def correct(project: Path, *names: str) -> None:
    """Label some of the outliers, as napari-deeplabcut saves them: in the label file, others have no row."""
    home, labels = open_project(project), labels_of(project)
    images = (*labels.images, *(("labeled-data", "vid", name) for name in names))
    xy = np.concatenate([labels.xy, np.full((len(names), 1, 3, 2), 5.0)])
    write_labels(Labels(LAYOUT, images, xy, np.zeros((len(images), 0, 2))), home.labels_path("vid"), home.scorer)


@pytest.mark.parametrize("score", [0.9, 0.1])
def test_an_outlier_without_an_animal_is_left_out(project, machine, score, capsys):
    """The net may be sure or not of what it found; people saw no animal and saved no row."""
    labels = read_machine_labels(machine)
    scores = labels.score.copy()
    scores[2] = score  # img09
    write_machine_labels(replace(labels, score=scores), machine)
    correct(project, "img11.png")
    assert run(["merge-labels", "-p", str(project)]) == 0
    out, err = capsys.readouterr()
    why = "not corrected" if score == 0.9 else "no point reaches the cutoff"
    assert out.splitlines() == [f"vid: 9 labeled images, 1 left out ({why})", "iteration: 1"]
    assert ("are left out: img09.png" if score == 0.9 else "1 machine-labeled images are not taken") in err
    assert [image[2] for image in labels_of(project).images[8:]] == ["img11.png"]
    assert create_dataset(project, weights="none").shuffles


def test_an_outlier_that_was_corrected_and_then_deleted_loses_its_row(project, machine, capsys):
    correct(project, "img09.png", "img11.png")
    before = labels_of(project)
    (machine.parent / "img09.png").unlink()
    assert run(["merge-labels", "-p", str(project)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["vid: 9 labeled images, 1 removed (the image was deleted)", "iteration: 1"]
    for suffix in (".h5", ".csv"):
        images = read_labels(machine.with_name(f"CollectedData_me{suffix}")).images
        assert [image[2] for image in images[8:]] == ["img11.png"]
    (kept,) = project.glob("label-backups/*/vid/CollectedData_me.h5")
    assert read_labels(kept).images == before.images
    assert f"To undo: cp -R {kept.parents[1]}/. {project / 'labeled-data'}" in err
    assert create_dataset(project, weights="none").shuffles


def test_labels_of_other_deleted_images_lead_to_clean_labels(project, machine, capsys):
    """The hint is what makes the dataset possible."""
    correct(project, "img09.png", "img11.png")
    (machine.parent / "img00.png").unlink()
    assert run(["merge-labels", "-p", str(project)]) == 0
    assert f"Next: dlcx clean-labels --project {project}" in capsys.readouterr().err
    assert run(["clean-labels", "--project", str(project)]) == 0
    assert create_dataset(project, weights="none").shuffles


def test_an_animal_that_was_not_seen_among_several(golden, tmp_path, capsys):
    """Two individuals and bodyparts that exist once; one outlier shows no animal, another was deleted."""
    root = tmp_path / "mui"
    shutil.copytree(golden / "files" / "mui", root)
    shutil.copytree(golden / "evaluation" / "mui" / "images", root / "labeled-data" / "vid")
    home = open_project(root)
    labels = replace(read_labels(home.merged_labels_path))
    names = [f"img{number}.png" for number in (20, 21, 22)]
    for name in names:
        shutil.copyfile(root / "labeled-data" / "vid" / "img00.png", root / "labeled-data" / "vid" / name)
    images = tuple(("labeled-data", "vid", name) for name in names)
    xy, unique = np.full((3, *labels.xy.shape[1:]), 9.0, np.float32), np.full((3, 2, 2), 8.0, np.float32)
    found = MachineLabels("net", home.layout, images, xy, xy[..., 0] / 10, unique, unique[..., 0] / 10)
    write_machine_labels(found, home.machine_labels_path("vid"))
    rows = Labels(
        home.layout,
        (*labels.images, images[0]),
        np.concatenate([labels.xy, xy[:1] + 1]),
        np.concatenate([labels.unique_xy, unique[:1] + 1]),
    )
    write_labels(labels, home.labels_path("vid"), home.scorer)
    assert run(["merge-labels", "-p", str(root)]) == 3
    write_labels(rows, home.labels_path("vid"), home.scorer)
    (root / "labeled-data" / "vid" / names[2]).unlink()
    capsys.readouterr()
    assert run(["merge-labels", "-p", str(root)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "vid: 9 labeled images, 1 left out (not corrected), 1 left out (the image was deleted)",
        "iteration: 1",
    ]
    after = read_labels(home.labels_path("vid"))
    assert after.images == rows.images
    np.testing.assert_array_equal(after.unique_xy, rows.unique_xy)
    assert create_dataset(root, weights="none", net_type="dekr_w18").shuffles


def test_a_csv_that_says_otherwise_is_not_overwritten(project, machine):
    home = open_project(project)
    csv = home.labels_path("vid").with_name("CollectedData_me.csv")
    h5 = csv.with_suffix(".h5")
    edited = "".join(line for line in csv.read_text().splitlines(keepends=True) if "img05" not in line)
    csv.write_text(edited)
    before = h5.read_bytes()
    with pytest.raises(DlcxError, match=r"CollectedData_me\.csv has 1 rows of the h5 missing") as caught:
        merge_labels(project, accept_machine_labels=True)
    assert f"import-labels {csv} --overwrite" in caught.value.hint
    assert (csv.read_text(), h5.read_bytes()) == (edited, before)
    assert open_project(project).iteration == 0
    import_labels(project, csv, overwrite=True)
    merge_labels(project, accept_machine_labels=True)
    names = [image[2] for image in labels_of(project).images]
    assert "img05.png" not in names
    assert len(names) == 9


def test_without_new_labels_the_iteration_stays(project, capsys):
    """Also where something else than the order of rows and the last digits is the same."""
    config = (project / "config.yaml").read_bytes()
    home, labels = open_project(project), labels_of(project)
    assert merge_labels(project).iteration == 0
    turned = Labels(LAYOUT, labels.images[::-1], labels.xy[::-1] + 5e-8, labels.unique_xy[::-1])
    write_labels(turned, home.labels_path("vid"), home.scorer)
    assert run(["merge-labels", "-p", str(project)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "iteration: 0 (nothing to merge: the labels are those of its training dataset)"
    assert err.splitlines()[-1] == f"hint: Next: dlcx status --project {project}"
    assert (project / "config.yaml").read_bytes() == config
    assert merge_labels(project, iteration=0).nothing_to_merge is False
    moved = labels.xy.copy()
    moved[0, 0, 1] += 0.5
    write_labels(replace(labels, xy=moved), home.labels_path("vid"), home.scorer)
    assert merge_labels(project).iteration == 1


def test_new_labels_of_any_origin_start_an_iteration(project):
    home, labels = open_project(project), labels_of(project)
    write_rows(project, labels, [*range(7)])
    assert merge_labels(project).iteration == 1
    merge_labels(project, iteration=0)
    write_labels(labels, home.labels_path("vid"), home.scorer)
    assert merge_labels(project).iteration == 0
    home.merged_labels_path.with_name("CollectedData_me.h5").write_bytes(b"broken")
    assert merge_labels(project).iteration == 1


def test_an_iteration_without_a_dataset_goes_on(project):
    write_rows(project, labels_of(project), [*range(7)])
    assert merge_labels(project).iteration == 1
    again = merge_labels(project)
    assert (again.before, again.iteration) == (1, 1)
    assert "there already" in again.lines()[-1]
    assert merge_labels(project, iteration=4).iteration == open_project(project).iteration == 4


def test_names_find_their_places():
    one = Layout(("a", "b"), ("x", "y"), ("lamp",), multi=True)
    other = Layout(("b", "c", "a"), ("y",), ("door", "lamp"), multi=True)
    labels = Labels(one, (("l", "v", "i"),), np.arange(8.0).reshape(1, 2, 2, 2), np.full((1, 1, 2), 9.0))
    moved = to_layout(labels, other)
    np.testing.assert_array_equal(moved.xy[0], [[[6, 7], [np.nan, np.nan], [4, 5]]])
    np.testing.assert_array_equal(moved.unique_xy[0], [[np.nan, np.nan], [9, 9]])
