from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.shuffles.merged_labels import merged_labels_changed, read_all_labels
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.formats.shuffles.splits import Split, explicit_split, random_split, random_video_split
from dlcx.formats.shuffles.training_set import (
    inference_cfg,
    load_training_set,
    pose_cfg,
    read_sizes,
    read_split,
    register_shuffle,
    training_rows,
    write_documentation,
    write_rows,
)
from dlcx.poses import Labels, Layout
from dlcx.project import Project

FILES = Path(__file__).parents[2] / "golden" / "files"
SIZE = (3, 128, 160)


def copy(name: str, folder: Path) -> Project:
    shutil.copytree(FILES / name, folder / name)
    return open_project(folder / name)


def same(mine, theirs) -> bool:
    """Equal, and of equal types all the way down."""
    if type(mine) is not type(theirs):
        return False
    if isinstance(mine, dict):
        return list(mine) == list(theirs) and all(same(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list | tuple):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    if isinstance(mine, np.ndarray):
        return mine.dtype == theirs.dtype and np.array_equal(mine, theirs)
    return mine == theirs


@pytest.mark.parametrize(("name", "number"), [("sa", 1), ("ma", 1), ("ma", 2), ("mui", 1)])
def test_every_file_of_a_shuffle_equals_deeplabcuts(name, number, tmp_path):
    project = copy(name, tmp_path)
    shuffle = project.shuffle(number)
    labels, split = load_training_set(shuffle)
    np.testing.assert_array_equal(split.train, [0, 2, 3, 4, 6, 7])
    np.testing.assert_array_equal(split.test, [1, 5])
    assert split.fraction == 0.75

    rows = training_rows(labels, split, dict.fromkeys(range(len(labels)), SIZE))
    golden = pickle.loads(shuffle.documentation_path.read_bytes())
    write_documentation(rows, split, tmp_path / "documentation.pickle")
    assert same(pickle.loads((tmp_path / "documentation.pickle").read_bytes()), golden)

    metadata = project.metadata_path.read_bytes()
    project.metadata_path.unlink()
    for other in project.shuffles():
        register_shuffle(project, other, read_split(other.documentation_path))
    assert project.metadata_path.read_bytes() == metadata

    net_type = "resnet_50"
    assert {**pose_cfg(project, net_type), "dataset": "PROJECT"} == read_yaml(shuffle.test_dir / "pose_cfg.yaml")
    if project.layout.multi:
        assert inference_cfg(project) == read_yaml(shuffle.test_dir / "inference_cfg.yaml")
        golden_rows = shuffle.dataset_path.with_name(shuffle.dataset_path.name + ".pickle").read_bytes()
        assert same(pickle.loads(write_rows(rows, shuffle).read_bytes()), pickle.loads(golden_rows))


def test_the_mat_file_holds_the_rows_as_matlab_structs(tmp_path):
    project = copy("sa", tmp_path)
    labels, split = load_training_set(project.shuffle(1))
    rows = training_rows(labels, split, dict.fromkeys(range(len(labels)), SIZE))
    path = write_rows(rows, project.shuffle(1))
    assert path.name == "goldsa_me75shuffle1.mat"
    dataset = loadmat(path)["dataset"]
    assert dataset.shape == (1, len(rows))
    for cell, row in zip(dataset[0], rows, strict=True):
        assert [part.strip() for part in cell["image"][0]] == list(row["image"])
        np.testing.assert_array_equal(cell["size"], [SIZE])
        assert cell["joints"].shape == (1, 1)
        np.testing.assert_array_equal(cell["joints"][0, 0], row["joints"])
        assert cell["joints"][0, 0].dtype == np.int64


def labels_of(layout: Layout, xy: np.ndarray) -> Labels:
    images = tuple(("labeled-data", "vid", f"{index}.png") for index in range(len(xy)))
    return Labels(layout, images, xy, np.full((len(xy), len(layout.unique), 2), np.nan))


def test_points_at_the_border_are_kept_as_deeplabcut_keeps_them():
    # As seen in DeepLabCut 3.0.2: one animal truncated first, then strictly inside; several not truncated.
    xy = np.array([[[[0.5, 20], [159.7, 20], [160, 20], [-3, 20]]], [[[np.nan, np.nan]] * 4]])
    everything = Split(np.array([0, 1]), np.array([], int), 1.0)
    sizes = {0: SIZE, 1: SIZE}
    parts = ("a", "b", "c", "d")
    rows = training_rows(labels_of(Layout(parts), xy), everything, sizes)
    assert len(rows) == 1
    np.testing.assert_array_equal(rows[0]["joints"], [[1, 159, 20]])
    rows = training_rows(labels_of(Layout(parts, ("x",), ("u",), multi=True), xy), everything, sizes)
    assert len(rows) == 1
    assert list(rows[0]["joints"]) == [0]
    np.testing.assert_array_equal(rows[0]["joints"][0], np.float32([[0, 0.5, 20], [1, 159.7, 20]]))


def test_splits_of_deeplabcut_2_are_read(shared):
    paths = sorted((shared / "data").rglob("Documentation_data-*.pickle"))
    assert len(paths) >= 5
    for path in paths:
        split = read_split(path)
        assert f"_{int(100 * split.fraction)}shuffle" in path.name
        total = len(split.train) + len(split.test)
        assert sorted([*split.train, *split.test]) == list(range(total))


def test_padding_is_dropped_and_other_pickles_are_refused(tmp_path):
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps([[], [0, 2, -1], np.array([1, -1]), 0.5]))
    split = read_split(path)
    assert (list(split.train), list(split.test), split.fraction) == ([0, 2], [1], 0.5)
    for content in ({"a": 1}, [[], ["x"], [1], 0.5]):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(DlcxError, match=r"x\.pickle: expected"):
            read_split(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DlcxError, match=r"x\.pickle"):
        read_split(path)


def test_a_shuffle_without_dataset_or_with_other_labels(tmp_path):
    project = copy("sa", tmp_path)
    with pytest.raises(DlcxError, match="no training dataset for goldsaNov22-trainset75shuffle7") as caught:
        load_training_set(project.shuffle(7))
    assert "create-dataset" in caught.value.hint
    write_documentation([], Split(np.array([0, 8]), np.array([1]), 0.75), project.shuffle(1).documentation_path)
    with pytest.raises(DlcxError, match="names row 8, but CollectedData_me has 8 rows"):
        load_training_set(project.shuffle(1))


def test_metadata_numbers_equal_splits_alike_and_keeps_other_engines(tmp_path):
    project = copy("ma", tmp_path)
    text = project.metadata_path.read_text().replace("pytorch", "tensorflow", 1)
    project.metadata_path.write_text(text)
    other = Split(np.array([7, 6, 5, 4, 3, 2]), np.array([0, 1]), 0.75)
    equal = Split(np.array([7, 6, 4, 3, 2, 0]), np.array([5, 1]), 0.75)
    for number, split, expected in ((3, other, 2), (4, equal, 1), (5, other, 2), (3, equal, 1)):
        shuffle = project.shuffle(number)
        write_documentation([], split, shuffle.documentation_path)
        register_shuffle(project, shuffle, split)
        entry = read_metadata(project)[shuffle.name]
        assert entry == {"train_fraction": 0.75, "index": number, "split": expected, "engine": "pytorch"}
    entries = read_metadata(project)
    assert [entry["index"] for entry in entries.values()] == [1, 2, 3, 4, 5]
    assert next(iter(entries.values()))["engine"] == "tensorflow"


def test_processes_that_create_datasets_at_once_keep_each_others_entries(tmp_path):
    project = copy("sa", tmp_path)
    code = """
import sys
import numpy as np
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import register_shuffle
project = open_project(sys.argv[1])
for number in map(int, sys.argv[2:]):
    register_shuffle(project, project.shuffle(number), Split(np.array([number]), np.array([0]), 0.75))
"""
    shares = [[str(number) for number in range(first, first + 30)] for first in (101, 201)]
    running = [subprocess.Popen([sys.executable, "-c", code, str(project.root), *share]) for share in shares]
    assert [process.wait() for process in running] == [0, 0]
    entries = read_metadata(project)
    assert {entry["index"] for entry in entries.values()} >= {int(number) for share in shares for number in share}
    assert len({entry["split"] for entry in entries.values()}) == len(entries)


def test_sizes_come_from_the_images_and_missing_ones_are_named(tmp_path):
    project = copy("sa", tmp_path)
    labels, _ = load_training_set(project.shuffle(1))
    folder = project.labeled_data / "vid"
    folder.mkdir(parents=True)
    with pytest.raises(DlcxError, match=r"img00\.png does not exist \(and 7 more\)"):
        read_sizes(project, labels)
    for index, (_, _, name) in enumerate(labels.images):
        cv2.imwrite(str(folder / name), np.zeros((10 + index, 20, 3) if index else (10, 20), np.uint8))
    assert read_sizes(project, labels)[:3] == [(1, 10, 20), (3, 11, 20), (3, 12, 20)]
    (folder / "img07.png").write_bytes(b"no image")
    with pytest.raises(DlcxError, match=r"img07\.png is not a readable image"):
        read_sizes(project, labels)


def test_seed_0_draws_what_deeplabcut_draws_in_a_fresh_process():
    np.random.seed(0)  # noqa: NPY002
    for draw in (1, 2, 3):
        permutation = np.random.permutation(116)  # noqa: NPY002
        split = random_split(116, 0.8, seed=0, draw=draw)
        np.testing.assert_array_equal(split.train, permutation[:92])
        np.testing.assert_array_equal(split.test, permutation[92:])
    assert len(random_split(100, 0.29, 1).train) == 28  # 100 * 0.29 < 29: truncated as DeepLabCut does


@pytest.mark.parametrize("seed", range(5))
def test_no_video_is_on_both_sides(seed):
    images = [("labeled-data", video, f"{index}") for video, count in (("a", 5), ("b", 9), ("c", 2), ("d", 4))
              for index in range(count)]  # fmt: skip
    split = random_video_split(images, 0.7, seed)
    train, test = ({images[row][1] for row in rows} for rows in (split.train, split.test))
    assert train
    assert test
    assert not train & test
    assert sorted([*split.train, *split.test]) == list(range(20))
    assert abs(len(split.train) / 20 - 0.7) <= 0.25
    with pytest.raises(DlcxError, match="at least two videos"):
        random_video_split(images[:5], 0.7, seed)


def test_given_splits(tmp_path):
    labels = labels_of(Layout(("a",)), np.zeros((5, 1, 1, 2)))

    def rows(split: Split) -> tuple[list[int], list[int]]:
        return split.train.tolist(), split.test.tolist()

    (tmp_path / "numbers.txt").write_text("[3, 1,\n -1]\n")
    (tmp_path / "paths.txt").write_text("labeled-data/vid/0.png\nvid\\4.png\n\n")
    assert rows(explicit_split([0, 1], None, labels, 0.5)) == ([0, 1], [2, 3, 4])
    assert rows(explicit_split(None, tmp_path / "numbers.txt", labels, 0.5)) == ([0, 2, 4], [3, 1])
    assert rows(explicit_split(tmp_path / "paths.txt", [2], labels, 0.5)) == ([0, 4], [2])

    (tmp_path / "other.txt").write_text("vid/9.png\n")
    for train, test, message in (
        ([0, 5], None, "--train-indices: '5' is not a row"),
        ([0, 0], None, "more than once"),
        ([], None, "expected at least one row"),
        ([0, 1], [1, 2], r"labeled-data/vid/1\.png \(row 1\) is both"),
        (None, tmp_path / "other.txt", r"other\.txt: 'vid/9\.png' is not a row"),
        (tmp_path / "absent.txt", None, "cannot read"),
    ):
        with pytest.raises(DlcxError, match=message):
            explicit_split(train, test, labels, 0.5)


def test_labels_of_all_videos(tmp_path, caplog, monkeypatch):
    import logging

    monkeypatch.setattr(logging.getLogger("dlcx"), "propagate", True)
    project = copy("sa", tmp_path)
    with pytest.raises(DlcxError, match="no labels in"):
        read_all_labels(project)
    source = project.merged_labels_path.with_suffix(".csv").read_text()
    for stem in ("vid", "stray"):
        (project.labeled_data / stem).mkdir(parents=True)
        (project.labeled_data / stem / "CollectedData_me.csv").write_text(source.replace(",vid,", f",{stem},"))
    labels = read_all_labels(project)
    assert {image[1] for image in labels.images} == {"vid"}
    assert "labels in labeled-data/stray are left out" in caplog.text
    assert not merged_labels_changed(project, labels)
    # When none of config.yaml's videos is labeled, DeepLabCut takes what there is.
    shutil.rmtree(project.labeled_data / "vid")
    moved = read_all_labels(project)
    assert {image[1] for image in moved.images} == {"stray"}
    with pytest.raises(DlcxError, match="images have changed") as caught:
        merged_labels_changed(project, moved)
    assert "iteration: 1" in caught.value.hint
    assert merged_labels_changed(project, moved, [project.shuffle(1)])
