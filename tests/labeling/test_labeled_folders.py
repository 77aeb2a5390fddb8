"""How many images and labels the folders of labeled-data hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project
from dlcx.labeling.labeled_folders import LabeledFolder, labeled_folders, labeled_stems


def test_counts_of_images_labels_and_empty_rows(project: Path) -> None:
    home = open_project(project)
    (folder,) = labeled_folders(home)
    images = len(list((project / "labeled-data" / "vid").glob("*.png")))
    assert folder == LabeledFolder("vid", images, images)
    base = home.labels_path("vid")
    labels = read_labels(base, home.layout)
    xy, unique = labels.xy.copy(), labels.unique_xy.copy()
    xy[:2], unique[:2] = np.nan, np.nan
    write_labels(type(labels)(labels.layout, labels.images, xy, unique), base, home.scorer)
    (folder,) = labeled_folders(home)
    assert (folder.images, folder.labeled, folder.empty) == (images, images - 2, 2)


def test_pictures_with_poses_and_other_folders_do_not_count(project: Path) -> None:
    root = project / "labeled-data"
    first = next((root / "vid").glob("*.png"))
    (root / "vid" / "img1labeled.png").write_bytes(first.read_bytes())
    for name in ("vid_labeled", ".hidden", "nothing"):
        (root / name).mkdir()
        if name != "nothing":
            (root / name / "img0.png").write_bytes(first.read_bytes())
    (folder,) = labeled_folders(open_project(project))
    assert folder.images == folder.labeled


def test_unreadable_labels_are_named(project: Path) -> None:
    (project / "labeled-data" / "w").mkdir()
    (project / "labeled-data" / "w" / "CollectedData_me.csv").write_text("nonsense\n")
    folders = {folder.video: folder for folder in labeled_folders(open_project(project))}
    assert not folders["vid"].trouble
    assert "CollectedData_me.csv" in folders["w"].trouble


def test_names_of_labeled_folders(project: Path) -> None:
    home = open_project(project)
    (project / "labeled-data" / "w").mkdir()
    assert labeled_stems(home, []) == ["vid"]
    assert labeled_stems(home, ["videos/vid.avi"]) == labeled_stems(home, ["labeled-data/vid"]) == ["vid"]
    with pytest.raises(DlcxError, match=r"^no labels of w in ") as caught:
        labeled_stems(home, ["w"])
    assert caught.value.hint == "Labeled: vid"
    for path in (project / "labeled-data" / "vid").glob("CollectedData*"):
        path.unlink()
    with pytest.raises(DlcxError, match=r"CollectedData_me\.h5 or \.csv"):
        labeled_stems(home, [])
