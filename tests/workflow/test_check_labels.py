from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlcx.cli.app import run
from dlcx.data.images import read_image
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project
from dlcx.poses import Labels
from dlcx.workflow import demo
from dlcx.workflow.check_labels import check_labels


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo, "FRAMES", 24)
    monkeypatch.setattr(demo, "LABELED", 12)
    return demo.demo(tmp_path / "drawn", animals=2).project


def change(root: Path, xy: dict[tuple[int, ...], tuple[float, float]]) -> Labels:
    project = open_project(root)
    path = project.labels_path("arena")
    labels = read_labels(path, project.layout, project.scorer)
    labels = replace(labels, xy=labels.xy.copy())
    for place, value in xy.items():
        labels.xy[place] = value
    write_labels(labels, path, project.scorer)
    return labels


def test_pictures_show_the_labels_where_they_are(root):
    labels = change(root, {(0, 0, 0): (60.0, 50.0)})
    done = check_labels(root)
    pictures = root / "labeled-data" / "arena_labeled"
    assert done.folders[0].pictures == pictures
    names = sorted(path.name for path in pictures.iterdir())
    assert names == sorted(f"{Path(image[-1]).stem}_individual.png" for image in labels.images)
    image = read_image(root.joinpath(*labels.images[0]))
    picture = read_image(pictures / f"{Path(labels.images[0][-1]).stem}_individual.png")
    scale = picture.shape[1] // image.shape[1]
    shown = picture[: image.shape[0] * scale : scale, ::scale].astype(int)
    change_there = np.abs(shown - image).sum(-1)
    assert change_there[48:53, 58:63].max() > 150
    far = np.ones(image.shape[:2], bool)
    points = labels.xy[0].reshape(-1, 2)
    for x, y in points[np.isfinite(points).all(-1)]:
        far[max(0, int(y) - 45) : int(y) + 45, max(0, int(x) - 45) : int(x) + 45] = False
    assert far.any()
    assert change_there[far].max() < 100
    (by_part,) = {path.name.rpartition("_")[2] for path in pictures.iterdir()}
    assert by_part == "individual.png"


def test_suspicious_labels_are_named(root, capsys):
    labels = change(root, {(3, 1, 2): (-5.0, 20.0)})
    assert run(["check-labels", "-p", str(root), "--json", "--no-plot"]) == 0
    said = json.loads(capsys.readouterr().out)
    outside = [one for one in said["suspicious"] if one["kind"] == "outside"]
    assert len(outside) == 1
    layout = labels.layout
    assert outside[0]["image"] == "/".join(labels.images[3])
    assert (outside[0]["individual"], outside[0]["bodyparts"]) == (layout.individuals[1], [layout.bodyparts[2]])
    assert said["bodyparts"][0]["bodypart"] == layout.bodyparts[0]
    assert said["folders"][0]["pictures"] is None
    assert not (root / "labeled-data" / "arena_labeled").exists()


def test_images_that_are_missing_or_broken_end_in_4(root, capsys):
    labels = change(root, {})
    root.joinpath(*labels.images[0]).unlink()
    root.joinpath(*labels.images[1]).write_bytes(b"no image")
    (root / "labeled-data" / "arena" / "img999.png").write_bytes(root.joinpath(*labels.images[2]).read_bytes())
    assert run(["check-labels", "-p", str(root)]) == 4
    out = capsys.readouterr().out
    assert "1 images without labels" in out
    missing = "/".join(labels.images[0])
    assert f"failed: {missing}: cannot read {root / missing}: No such file or directory\n" in out
    assert f"failed: {'/'.join(labels.images[1])}: " in out
    assert "not an image" in out
    assert len(list((root / "labeled-data" / "arena_labeled").iterdir())) == 10


def test_by_bodypart_and_for_one_video(root):
    done = check_labels(root, "arena.mp4", color_by="bodypart")
    assert {path.name.rpartition("_")[2] for path in done.folders[0].pictures.iterdir()} == {"bodypart.png"}
    with pytest.raises(DlcxError, match="no labels of other"):
        check_labels(root, "other")
    with pytest.raises(DlcxError, match="expected bodypart or individual"):
        check_labels(root, color_by="part")


def test_a_broken_label_file_beside_a_good_one(root):
    labels = change(root, {})
    write_labels(labels, root / "labeled-data" / "second" / "CollectedData_dlcx", "somebody")
    done = check_labels(root, plot=False)
    assert done.exit_code == 4
    assert "labeled by 'somebody'" in done.failed[0].error


def test_no_labels(root):
    for path in (root / "labeled-data" / "arena").glob("CollectedData*"):
        path.unlink()
    with pytest.raises(DlcxError, match="no labels in"):
        check_labels(root)


def test_of_many_images_the_suspicious_are_drawn(root, capsys, monkeypatch):
    labels = change(root, {(3, 1, 2): (-5.0, 20.0)})
    monkeypatch.setattr("dlcx.workflow.check_labels.DRAWN_WITHOUT_ASKING", len(labels) - 1)
    pictures = root / "labeled-data" / "arena_labeled"
    done = check_labels(root)
    suspicious = {Path(one.image).stem for one in done.suspicious}
    assert Path(labels.images[3][-1]).stem in suspicious
    assert len(suspicious) < len(labels)
    assert {path.name for path in pictures.iterdir()} == {f"{stem}_individual.png" for stem in suspicious}
    line = f"drawn: the {len(suspicious)} images with suspicious labels, of {len(labels)}; --all draws every image"
    assert (done.drawn, line in done.lines()) == (len(suspicious), True)
    assert run(["check-labels", "-p", str(root), "--all"]) == 0
    assert len(list(pictures.iterdir())) == len(labels)
    assert "drawn:" not in capsys.readouterr().out
