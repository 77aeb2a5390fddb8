"""The table of all labels: its order, its names, and whether existing splits still refer to the right rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import (
    add_missing_images,
    empty_labels,
    merge_labels,
    merged_labels_changed,
    to_layout,
)
from dlcx.poses import Labels, Layout
from dlcx.project import Project

LAYOUT = Layout(("nose", "tail"), ("a", "b"), ("lamp",), multi=True)


def labels(*names: str, value: float = 1.0) -> Labels:
    images = tuple(("labeled-data", *name.split("/")) for name in names)
    count = len(images)
    xy = value + np.arange(count * 8, dtype=float).reshape(count, 2, 2, 2)
    return Labels(LAYOUT, images, xy, -xy[:, 0, :1])  # type: ignore[arg-type]


def test_rows_are_sorted_by_video_and_image() -> None:
    merged = merge_labels([labels("w/1.png"), labels("v/2.png", "v/1.png", value=50)], LAYOUT)
    assert [image[1:] for image in merged.images] == [("v", "1.png"), ("v", "2.png"), ("w", "1.png")]
    assert merged.xy[:, 0, 0, 0].tolist() == [58, 50, 1]
    assert merged.unique_xy[:, 0, 0].tolist() == [-58, -50, -1]
    with pytest.raises(DlcxError, match=r"labeled-data/v/1\.png is labeled twice"):
        merge_labels([labels("v/1.png"), labels("v/1.png")], LAYOUT)


def test_names_are_selected_and_missing_ones_are_nan() -> None:
    other = to_layout(labels("v/1.png"), Layout(("tail", "ear"), ("b", "c"), (), multi=True))
    np.testing.assert_array_equal(other.xy[0, :, :, 0], [[7, np.nan], [np.nan, np.nan]])
    assert other.unique_xy.shape == (1, 0, 2)


def test_images_that_are_there_keep_their_labels() -> None:
    both = add_missing_images(labels("v/2.png"), labels("v/1.png", "v/2.png", value=50))
    assert [image[2] for image in both.images] == ["1.png", "2.png"]
    assert both.xy[:, 0, 0, 0].tolist() == [50, 1]
    assert len(add_missing_images(empty_labels(LAYOUT), labels("v/1.png"))) == 1


@pytest.fixture
def project(tmp_path: Path, golden: Path) -> Project:
    shutil.copyfile(golden / "files" / "mui" / "config.yaml", tmp_path / "config.yaml")
    return open_project(tmp_path)


def test_changes_that_move_rows_are_refused_once_a_split_refers_to_them(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    before = labels("v/1.png", "v/2.png")
    assert merged_labels_changed(project, before)
    write_labels(before, project.merged_labels_path, project.scorer)
    assert not merged_labels_changed(project, before)
    assert not merged_labels_changed(project, labels("v/1.png", "v/2.png", value=1 + 5e-5))
    more = labels("v/0.png", "v/1.png", "v/2.png")
    assert merged_labels_changed(project, more)
    shuffle = project.shuffle(1)
    shuffle.documentation_path.touch()
    assert merged_labels_changed(project, more, remade=[shuffle])
    with pytest.raises(DlcxError, match=r"labeled images have changed \(2 images before, 3 now\)") as caught:
        merged_labels_changed(project, more)
    assert f"'iteration: {project.iteration + 1}'" in caught.value.hint
    assert merged_labels_changed(project, labels("v/1.png", "v/2.png", value=2))
    assert "labels were corrected" in caplog.text
