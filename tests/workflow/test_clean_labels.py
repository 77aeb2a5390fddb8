"""Rows that no training can use, in every form of label files, and labels of one animal in a project of several."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dlcx
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels
from dlcx.formats.project_config import open_project
from dlcx.poses import Labels
from dlcx.workflow.clean_labels import clean_labels
from dlcx.workflow.create_dataset import create_dataset

NAN = np.nan
CONFIG = """Task: t
scorer: me
date: Nov30
multianimalproject: {multi}
project_path: x
video_sets: {{videos/v1.mp4: {{crop: '0, 64, 0, 48'}}, videos/v2.mp4: {{crop: '0, 64, 0, 48'}}}}
bodyparts: {bodyparts}
individuals: [ann, bob]
multianimalbodyparts: [a, b]
uniquebodyparts: [lamp]
TrainingFraction: [0.75]
iteration: 0
"""
SINGLE = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("lamp", "x"), ("lamp", "y")]
MULTI = [(owner, part, xy) for owner, part in [("ann", "a"), ("bob", "a"), ("single", "lamp")] for xy in "xy"]


def make(root: Path, *, multi: bool) -> Path:
    """A project of two videos with six images each, of 64 by 48 pixels."""
    from PIL import Image

    bodyparts = "MULTI!" if multi else "[a, b, lamp]"
    for video in ("v1", "v2"):
        folder = root / "labeled-data" / video
        folder.mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (64, 48), (40 * number, 10, 10)).save(folder / f"img{number}.png")
    (root / "config.yaml").write_text(CONFIG.format(multi=str(multi).lower(), bodyparts=bodyparts))
    return root


def table(video: str, rows: dict[str, list[float]] | list[tuple[str, list[float]]], *, multi: bool) -> pd.DataFrame:
    """Labels by image name; an image may stand there several times."""
    pairs = rows.items() if isinstance(rows, dict) else rows
    names = ["scorer", "individuals", "bodyparts", "coords"] if multi else ["scorer", "bodyparts", "coords"]
    columns = pd.MultiIndex.from_tuples([("me", *column) for column in (MULTI if multi else SINGLE)], names=names)
    index = pd.MultiIndex.from_tuples([("labeled-data", video, name) for name, _ in pairs])
    return pd.DataFrame([values for _, values in pairs], index, columns, dtype=float)


def save(frame: pd.DataFrame, root: Path, video: str, forms: str = "h5 csv") -> Path:
    base = root / "labeled-data" / video / "CollectedData_me"
    if "h5" in forms:
        frame.to_hdf(base.with_name(f"{base.name}.h5"), key="df_with_missing", mode="w")
    if "csv" in forms:
        frame.to_csv(base.with_name(f"{base.name}.csv"))
    return base


def labels_of(root: Path, video: str, suffix: str = ".h5") -> Labels:
    home = open_project(root)
    base = home.labels_path(video)
    return read_labels(base.with_name(base.name + suffix), home.layout, home.scorer)


ROWS = [
    ("img0.png", [1, 2, 3, 4, 5, 6]),
    ("img2.png", [NAN] * 6),
    ("img1.png", [7, 7, 7, 7, 7, 7]),
    ("img0.png", [1, 2, 3, 4, 5, 9]),
    ("img1.png", [7, 7, 7, 7, 7, 7]),
    ("img9.png", [1, 1, 1, 1, 1, 1]),
    ("img2.png", [8, 8, NAN, NAN, 8, 8]),
    ("img3.png", [NAN] * 6),
]


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("forms", ["h5", "csv", "h5 csv"])
def test_rows_that_repeat_and_rows_of_deleted_images_are_dropped(tmp_path, multi, forms):
    root = make(tmp_path / "p", multi=multi)
    base = save(table("v1", ROWS, multi=multi), root, "v1", forms)
    save(table("v2", {f"img{n}.png": [n] * 6 for n in range(4)}, multi=multi), root, "v2")
    other = {path: path.read_bytes() for path in (root / "labeled-data" / "v2").iterdir() if path.is_file()}
    with pytest.raises(DlcxError, match=r"img\d\.png (is labeled twice|does not exist)"):
        create_dataset(root, weights="none")
    done = clean_labels(root)
    one, two = done.folders
    assert (one.rows, one.kept, one.duplicates) == (8, 4, ("img0.png", "img2.png", "img1.png"))
    assert (one.differ, one.gone, one.unlabeled) == (("img0.png",), ("img9.png",), ())
    assert not two.changed
    for suffix in (".h5", ".csv"):
        labels = labels_of(root, "v1", suffix)
        assert [image[2] for image in labels.images] == ["img0.png", "img1.png", "img2.png", "img3.png"]
        points = np.concatenate([labels.xy.reshape(4, -1), labels.unique_xy.reshape(4, -1)], axis=1)
        seen = points[:, [0, 1, 4, 5, 8, 9]] if multi else points
        np.testing.assert_array_equal(seen, [[1, 2, 3, 4, 5, 6], [7] * 6, [8, 8, NAN, NAN, 8, 8], [NAN] * 6])
    assert {path: path.read_bytes() for path in other} == other
    assert done.backup is not None
    kept = pd.read_hdf(done.backup / "v1" / "CollectedData_me.h5")
    np.testing.assert_array_equal(kept.to_numpy(), [values for _, values in ROWS])
    assert clean_labels(root).backup is None
    assert create_dataset(root, weights="none").shuffles
    assert base.with_name("CollectedData_me.csv").is_file()


def test_a_dry_run_shows_the_same_and_changes_nothing(tmp_path, capsys):
    root = make(tmp_path / "p", multi=False)
    save(table("v1", ROWS, multi=False), root, "v1")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")}
    call = ["clean-labels", "-p", str(root), "--drop-unlabeled", "--move-images"]
    assert run([*call, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "v1: 8 rows, 3 would be kept",
        "  would drop duplicate rows: img0.png (its other rows hold other labels)",
        "  would drop duplicate rows: img2.png",
        "  would drop duplicate rows: img1.png",
        "  would drop, the image is gone: img9.png",
        "  would drop, nothing is labeled: img3.png",
        "  would move away, no row: img3.png",
        "  would move away, no row: img4.png",
        "  would move away, no row: img5.png",
    ]
    assert "without --dry-run" in err
    now = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")}
    assert now == before

    assert run(call) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[:2] == [
        "v1: 8 rows, 3 kept",
        "  dropped duplicate rows: img0.png (its other rows hold other labels)",
    ]
    images = {path.name for path in (root / "labeled-data" / "v1").glob("img*")}
    assert images == {"img0.png", "img1.png", "img2.png"}
    undo = re.search(r"To undo: (cp -R .*)", err)
    subprocess.run(undo[1], shell=True, check=True)
    now = {path: path.read_bytes() for path in before}
    assert now == before


def test_a_csv_alone_comes_back_too(tmp_path, capsys):
    root = make(tmp_path / "p", multi=False)
    base = save(table("v1", ROWS, multi=False), root, "v1", "csv")
    text = base.with_name("CollectedData_me.csv").read_bytes()
    assert run(["clean-labels", "-p", str(root)]) == 0
    undo = re.search(r"To undo: (cp -R .*)", capsys.readouterr().err)
    subprocess.run(undo[1], shell=True, check=True)
    assert base.with_name("CollectedData_me.csv").read_bytes() == text
    assert clean_labels(root, dry_run=True).folders[0].rows == 8  # the h5 says the same again


def test_columns_that_config_yaml_does_not_name_stay(tmp_path):
    root = make(tmp_path / "p", multi=False)
    frame = table("v1", {"img0.png": [1, 2, 3, 4, 5, 6], "img9.png": [1] * 6}, multi=False)
    frame[("me", "paw", "x")], frame[("me", "paw", "y")], frame[("me", "a", "likelihood")] = 8.0, 9.0, 0.5
    base = save(frame, root, "v1")
    clean_labels(root)
    cleaned = pd.read_hdf(base.with_name("CollectedData_me.h5"))
    pd.testing.assert_frame_equal(cleaned, frame.iloc[:1], check_names=False)


def test_rows_in_the_file_of_another_video(tmp_path):
    """A row is a duplicate where the image has one in its own folder too; else it stays where it is."""
    root = make(tmp_path / "p", multi=False)
    save(table("v1", {"img0.png": [1] * 6}, multi=False), root, "v1")
    mixed = pd.concat([table("v1", {"img0.png": [2] * 6, "img1.png": [3] * 6}, multi=False)])
    save(pd.concat([mixed, table("v2", {"img0.png": [4] * 6}, multi=False)]), root, "v2")
    two = clean_labels(root, "v2").folders[0]
    assert (two.rows, two.kept, two.duplicates) == (3, 2, ("img0.png",))
    assert labels_of(root, "v2").images == (("labeled-data", "v1", "img1.png"), ("labeled-data", "v2", "img0.png"))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("labeled-data", "old", "img0.png")], "1 of its rows name images of labeled-data/old"),
        ([("labeled-data", "v1", "img8.png")], "none of its 1 rows would be left"),
    ],
)
def test_a_renamed_or_emptied_folder_loses_no_labels(tmp_path, rows, says):
    root = make(tmp_path / "p", multi=False)
    frame = table("v1", {"img0.png": [1] * 6}, multi=False).set_axis(pd.MultiIndex.from_tuples(rows))
    base = save(frame, root, "v1")
    before = base.with_name("CollectedData_me.h5").read_bytes()
    with pytest.raises(DlcxError, match=says):
        clean_labels(root)
    save(table("v2", {"img0.png": [1] * 6, "img9.png": [1] * 6}, multi=False), root, "v2")
    done = clean_labels(root)
    assert done.exit_code == 4
    assert [one.path for one in done.failed] == ["labeled-data/v1"]
    assert done.folders[0].gone == ("img9.png",)
    assert base.with_name("CollectedData_me.h5").read_bytes() == before


def test_an_edited_csv_is_not_overwritten(tmp_path):
    root = make(tmp_path / "p", multi=False)
    base = save(table("v1", ROWS, multi=False), root, "v1")
    text = base.with_name("CollectedData_me.csv")
    lines = text.read_text().splitlines(keepends=True)
    text.write_text("".join(line for line in lines if "img9" not in line))  # what would be dropped anyway
    assert clean_labels(root, dry_run=True).folders[0].kept == 4
    text.write_text(text.read_text().replace("7.0", "7.5"))
    with pytest.raises(DlcxError, match="holds other labels than the h5"):
        clean_labels(root)


@pytest.mark.parametrize("individual", [None, "bob"])
@pytest.mark.parametrize("forms", ["h5", "csv", "h5 csv"])
def test_labels_of_one_animal_become_those_of_an_individual(tmp_path, individual, forms, capsys):
    root = make(tmp_path / "p", multi=True)
    rows = {"img0.png": [1, 2, 3, 4, 5, 6], "img1.png": [NAN, NAN, 7, 8, NAN, NAN], "img9.png": [1] * 6}
    save(table("v1", rows, multi=False), root, "v1", forms)
    save(table("v2", {f"img{n}.png": [n] * 6 for n in range(1, 5)}, multi=True), root, "v2")
    before = labels_of(root, "v2").xy
    assert run(["create-dataset", "-p", str(root), "--weights", "none"]) == 3
    assert f"run `dlcx clean-labels --project {root} --to-multi-animal`" in capsys.readouterr().err
    named = ["--individual", individual] if individual else []
    assert run(["clean-labels", "-p", str(root), "--to-multi-animal", *named, "--json"]) == 0
    one = json.loads(capsys.readouterr().out)["folders"][0]
    assert (one["individual"], one["gone"]) == (individual or "ann", ["img9.png"])
    whose = 1 if individual else 0
    for suffix in (".h5", ".csv"):
        labels = labels_of(root, "v1", suffix)
        np.testing.assert_array_equal(labels.xy[:, whose], [[[1, 2], [3, 4]], [[NAN, NAN], [7, 8]]])
        assert np.isnan(labels.xy[:, 1 - whose]).all()
        np.testing.assert_array_equal(labels.unique_xy, [[[5, 6]], [[NAN, NAN]]])
    np.testing.assert_array_equal(labels_of(root, "v2").xy, before)
    assert not any(one.changed for one in clean_labels(root, to_multi_animal=True).folders)
    assert create_dataset(root, weights="none", net_type="dekr_w18").shuffles


def test_converted_labels_keep_bodyparts_that_config_yaml_lacks(tmp_path):
    root = make(tmp_path / "p", multi=True)
    frame = table("v1", {"img0.png": [1, 2, 3, 4, 5, 6]}, multi=False)
    frame[("me", "paw", "x")], frame[("me", "paw", "y")] = 8.0, 9.0
    base = save(frame, root, "v1")
    clean_labels(root, to_multi_animal=True)
    converted = pd.read_hdf(base.with_name("CollectedData_me.h5"))
    assert converted[("me", "ann", "paw", "y")].tolist() == [9.0]


@pytest.mark.parametrize(
    ("multi", "call", "says"),
    [
        (True, ["--individual", "bob"], "--individual belongs to --to-multi-animal"),
        (True, ["--to-multi-animal", "--individual", "bop"], "--individual bop: no such individual"),
        (False, ["--to-multi-animal"], "config.yaml is of a single animal"),
        (False, ["v7"], "no labels of v7"),
    ],
)
def test_calls_that_make_no_sense(tmp_path, multi, call, says, capsys):
    root = make(tmp_path / "p", multi=multi)
    save(table("v1", {"img0.png": [1] * 6}, multi=multi), root, "v1")
    assert run(["clean-labels", "-p", str(root), *call]) == 3
    assert says in capsys.readouterr().err


def test_labels_of_deeplabcut_are_sound(golden, tmp_path):
    """Those of a single animal, of two, and of two with unique bodyparts."""
    for kind in ("sa", "ma", "mui"):
        root = tmp_path / kind
        shutil.copytree(golden / "files" / kind, root)
        shutil.copytree(golden / "evaluation" / kind / "images", root / "labeled-data" / "vid")
        for suffix in (".h5", ".csv"):
            shutil.copy(golden / "evaluation" / kind / f"CollectedData_me{suffix}", root / "labeled-data" / "vid")
        (root / "labeled-data" / "vid" / "img03.png").unlink()
        before = labels_of(root, "vid")
        (one,) = dlcx.clean_labels(root).folders
        assert (one.rows, one.kept, one.gone) == (8, 7, ("img03.png",))
        after = labels_of(root, "vid")
        kept = [row for row, image in enumerate(before.images) if image[2] != "img03.png"]
        np.testing.assert_array_equal(after.xy, before.xy[kept])
        np.testing.assert_array_equal(after.unique_xy, before.unique_xy[kept])
