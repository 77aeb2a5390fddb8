from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_videos import told_number, write_video

from dlcx.cli.app import run
from dlcx.data.images import read_image
from dlcx.errors import DlcxError
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.merged_labels import read_all_labels
from dlcx.poses import Labels
from dlcx.workflow import demo
from dlcx.workflow.create_project import create_project
from dlcx.workflow.export_labels import export_labels
from dlcx.workflow.import_labels import import_labels


@pytest.fixture
def root(request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(demo, "FRAMES", 16)
    monkeypatch.setattr(demo, "LABELED", 6)
    return demo.demo(tmp_path / "drawn", animals=getattr(request, "param", 1)).project


def forget(root: Path) -> Labels:
    """All labels of the project, whose files are deleted."""
    labels = read_all_labels(open_project(root))
    for path in (root / "labeled-data").glob("*/CollectedData*"):
        path.unlink()
    return labels


def same(labels: Labels, others: Labels) -> None:
    assert labels.layout == others.layout
    assert labels.images == others.images
    np.testing.assert_allclose(labels.xy, others.xy, rtol=1e-9)
    np.testing.assert_allclose(labels.unique_xy, others.unique_xy, rtol=1e-9)


@pytest.mark.parametrize("root", [1, 2], indirect=True)
@pytest.mark.parametrize("suffix", [".json", ".slp", ".csv", ".h5"])
def test_what_is_exported_is_imported(suffix, root, tmp_path, capsys):
    file = tmp_path / f"labels{suffix}"
    assert run(["export-labels", str(file), "-p", str(root)]) == 0
    assert f"{file}" in capsys.readouterr().out
    before = forget(root)
    assert run(["import-labels", str(file), "-p", str(root), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["folders"][0]
    assert (said["video"], said["new"], said["kept"], said["copied"]) == ("arena", len(before), 0, 0)
    same(read_all_labels(open_project(root)), before)


@pytest.mark.parametrize("suffix", [".json", ".slp"])
def test_images_come_along_into_another_project(suffix, root, tmp_path):
    file = tmp_path / f"labels{suffix}"
    export_labels(root, file)
    before = read_all_labels(open_project(root))
    names = before.layout.bodyparts[::-1]
    other = create_project(
        "b", "Bob", write_video(tmp_path / "x.avi", 3), folder=tmp_path, bodyparts=[*names, "extra"]
    ).project
    done = import_labels(other, file, images=root)
    assert done.folders[0].copied == len(before)
    assert done.listed == (str(other / "videos" / "arena.mp4"),)
    assert any("arena.mp4 (no such file" in line for line in done.lines())
    after = read_all_labels(open_project(other))
    assert after.images == before.images
    np.testing.assert_allclose(after.xy[:, :, :-1], before.xy[:, :, ::-1])
    assert np.isnan(after.xy[:, :, -1]).all()
    for image in before.images:
        assert other.joinpath(*image).read_bytes() == root.joinpath(*image).read_bytes()


def test_labels_that_are_there_stay_unless_told_otherwise(root, tmp_path):
    file = tmp_path / "labels.csv"
    export_labels(root, file)
    home = open_project(root)
    before = read_all_labels(home)
    mine = replace(before, xy=before.xy + 3, images=before.images)
    write_labels(
        Labels(mine.layout, mine.images[:2], mine.xy[:2], mine.unique_xy[:2]), home.labels_path("arena"), home.scorer
    )
    done = import_labels(root, file)
    assert (done.folders[0].new, done.folders[0].kept) == (4, 2)
    assert "--overwrite" in done.next_steps[0]
    np.testing.assert_allclose(read_all_labels(home).xy, np.concatenate([mine.xy[:2], before.xy[2:]]))
    done = import_labels(root, file, overwrite=True)
    assert (done.folders[0].new, done.folders[0].replaced) == (0, 6)
    np.testing.assert_allclose(read_all_labels(home).xy, before.xy)


def test_frames_of_a_video_become_images(tmp_path):
    import sleap_io

    video = write_video(tmp_path / "clip.avi", 30)
    skeleton = sleap_io.Skeleton(["disc", "corner"])
    frames = [
        sleap_io.LabeledFrame(
            video=(own := sleap_io.Video.from_filename(str(video))) if number == 4 else own,
            frame_idx=number,
            instances=[sleap_io.Instance.from_numpy(np.array([[number, 1.0], [np.nan, np.nan]]), skeleton=skeleton)],
        )
        for number in (4, 21)
    ]
    sleap_io.save_slp(sleap_io.Labels(frames), str(tmp_path / "labels.slp"), verbose=False)
    root = create_project("a", "me", video, folder=tmp_path, bodyparts=["corner", "disc"]).project
    done = import_labels(root, tmp_path / "labels.slp")
    assert done.listed == ()
    labels = read_labels(root / "labeled-data" / "clip" / "CollectedData_me.h5")
    assert labels.images == (("labeled-data", "clip", "img04.png"), ("labeled-data", "clip", "img21.png"))
    np.testing.assert_array_equal(labels.xy[:, 0, 1], [[4, 1], [21, 1]])
    assert np.isnan(labels.xy[:, 0, 0]).all()
    assert [told_number(read_image(root.joinpath(*image))) for image in labels.images] == [4, 21]


def test_a_csv_edited_in_its_place_becomes_the_h5(root):
    home = open_project(root)
    base = home.labels_path("arena")
    before = read_all_labels(home)
    csv = base.with_name(base.name + ".csv")
    x, _ = before.xy[0, 0, 0]
    csv.write_text(csv.read_text().replace(repr(float(x)), "12.5"))
    import_labels(root, csv, overwrite=True)
    assert read_labels(base.with_name(base.name + ".h5")).xy[0, 0, 0, 0] == 12.5


@pytest.mark.parametrize("root", [2], indirect=True)
def test_animals_with_other_names_take_free_places(root, tmp_path, caplog):
    home = open_project(root)
    before = read_all_labels(home)
    one, other = before.layout.individuals
    layout = replace(before.layout, individuals=(other, "stranger"))
    forget(root)
    write_labels(Labels(layout, before.images, before.xy[:, ::-1], before.unique_xy), tmp_path / "theirs", "you")
    import_labels(root, tmp_path / "theirs.h5")
    assert f"individual stranger becomes {one}" in caplog.text
    same(read_all_labels(home), before)
    three = replace(before.layout, individuals=("a", "b", "c"))
    padded = np.concatenate([before.xy, before.xy[:, :1]], axis=1)
    write_labels(Labels(three, before.images, padded, before.unique_xy), tmp_path / "three", "you")
    with pytest.raises(DlcxError, match="3 individuals"):
        import_labels(root, tmp_path / "three.csv")


def test_what_does_not_fit(root, tmp_path, capsys):
    home = open_project(root)
    before = read_all_labels(home)
    renamed = replace(
        before, layout=replace(before.layout, bodyparts=tuple(f"x{i}" for i in range(before.xy.shape[2])))
    )
    write_labels(renamed, tmp_path / "others", "you")
    gone = replace(before, images=tuple(("labeled-data", "other", image[2]) for image in before.images))
    write_labels(gone, tmp_path / "gone", "you")
    for words, message in (
        (["import-labels", "a.txt"], "unknown format '.txt'"),
        (["import-labels", str(tmp_path / "none.json")], "cannot read"),
        (["import-labels", str(tmp_path / "others.csv")], "none is the same"),
        (["import-labels", str(tmp_path / "gone.csv")], "--images DIR"),
        (["export-labels", "a.txt"], "unknown format '.txt'"),
        (["export-labels", str(tmp_path / "gone.csv")], "--overwrite replaces it"),
        (["export-labels", str(tmp_path / "a.json"), "--video", "nope"], "Labeled: arena"),
    ):
        assert run([*words, "-p", str(root)]) == 3
        assert message in capsys.readouterr().err
    same(read_all_labels(home), before)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("labeled-data/../a.png", "leads outside of labeled-data"),
        ("labeled-data/v/..", "leads outside of labeled-data"),
        ("/etc/passwd", "expected a name that ends in .png"),
        ("", "has no name"),
        ("a.png", "the video is unknown"),
    ],
)
def test_names_of_a_hostile_file(name, message, root, tmp_path):
    data = {
        "images": [{"id": 0, "file_name": name}],
        "categories": [{"id": 0, "name": "m", "keypoints": ["snout"]}],
        "annotations": [{"image_id": 0, "category_id": 0, "keypoints": [1, 2, 2]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(DlcxError, match=message):
        import_labels(root, tmp_path / "a.json")


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        ("[1e999, 2, 2]", "img000.png: expected positions in the image, got inf"),
        ('["1", "2", "2"]', "annotation 5 has keypoints that are not numbers"),
        ("[null, null, 2]", "annotation 5 has keypoints that are not numbers"),
        ("[true, true, true]", "annotation 5 has keypoints that are not numbers"),
        ('[{"x": 1}, 2, 2]', "annotation 5 has keypoints that are not numbers"),
    ],
)
def test_keypoints_that_are_no_positions(keypoints, message, root, tmp_path):
    image = "labeled-data/arena/img000.png"
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    (tmp_path / "a.json").write_text(
        f'{{"images": [{{"id": 0, "file_name": "{image}"}}], '
        '"categories": [{"id": 0, "name": "m", "keypoints": ["snout"]}], '
        f'"annotations": [{{"id": 5, "image_id": 0, "category_id": 0, "keypoints": {keypoints}}}]}}'
    )
    with pytest.raises(DlcxError, match=message):
        import_labels(root, tmp_path / "a.json", overwrite=True)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["a\x1b[31mb", "two\nlines", "up/../..", " ", "caf\udce9"])
def test_a_folder_that_config_yaml_cannot_list(name, root, tmp_path):
    forget(root)
    labels = next((demo.demo(tmp_path / "other").project / "labeled-data").glob("*/CollectedData*.csv"))
    before = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
    with pytest.raises(DlcxError, match="a video's name"):
        import_labels(root, labels, video=name)
    assert {path: path.is_file() and path.read_bytes() for path in root.rglob("*")} == before


def test_a_keypoint_that_is_named_twice(root, tmp_path):
    data = {
        "images": [{"id": 0, "file_name": "labeled-data/arena/img000.png"}],
        "categories": [{"id": 0, "name": "m", "keypoints": ["snout", "snout"]}],
        "annotations": [{"image_id": 0, "category_id": 0, "keypoints": [1, 2, 2, 3, 4, 2]}],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(DlcxError, match="category 'm' lists a keypoint twice"):
        import_labels(root, tmp_path / "a.json", overwrite=True)


def test_several_animals_in_a_single_animal_project(root, tmp_path):
    pair = demo.demo(tmp_path / "pair", animals=2).project
    export_labels(pair, tmp_path / "pair.json")
    with pytest.raises(DlcxError, match="2 animals in labeled-data"):
        import_labels(root, tmp_path / "pair.json")
