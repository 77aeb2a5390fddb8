"""COCO and SLEAP: what is written is read back, and names and coordinates stand where those formats have them."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.labels.coco import read_coco, write_coco
from dlcx.formats.labels.sleap import read_slp, write_slp
from dlcx.poses import Labels, Layout

LAYOUTS = {
    "single": Layout(("snout", "tail", "ear")),
    "several": Layout(("snout", "tail"), ("anne", "bert"), ("lamp", "door"), multi=True),
}


def made_up(layout: Layout) -> Labels:
    """Five images of two videos; parts, an animal and the unique bodyparts are missing here and there."""
    draw = np.random.default_rng(0)
    xy = draw.uniform(1, 99, (5, len(layout.individuals), len(layout.bodyparts), 2))
    unique = draw.uniform(1, 99, (5, len(layout.unique), 2))
    xy[1, 0, 0] = np.nan
    xy[2, -1] = np.nan
    unique[3, :1] = np.nan
    images = tuple(("labeled-data", video, f"img{number}.png") for video, number in zip("vvwww", range(5), strict=True))
    return Labels(layout, images, xy, unique)


def write_images(labels: Labels, root: Path) -> None:
    import cv2

    for number, image in enumerate(labels.images):
        path = root.joinpath(*image)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((60, 100, 3), 40 * number, np.uint8))


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("suffix", [".json", ".slp"])
def test_round_trip(name, suffix, tmp_path):
    labels = made_up(LAYOUTS[name])
    path = tmp_path / f"labels{suffix}"
    if suffix == ".json":
        write_coco(labels, [(100, 60)] * 5, path, [("snout", "tail")])
        given = read_coco(path)
        files = ["/".join(image) for image in labels.images]
    else:
        write_images(labels, tmp_path)
        write_slp(labels, tmp_path, path, [("snout", "tail")])
        given = read_slp(path)
        files = [str(tmp_path.joinpath(*image)) for image in labels.images]
    there = np.isfinite(labels.xy).any((1, 2, 3)) | np.isfinite(labels.unique_xy).any((1, 2))
    assert [image.file for image in given.images] == [
        file for file, kept in zip(files, there, strict=True) if kept or suffix == ".json"
    ]
    assert given.layout.bodyparts == labels.layout.bodyparts
    assert given.layout.unique == labels.layout.unique
    assert given.named == labels.layout.multi
    if labels.layout.multi:
        assert given.layout.individuals == labels.layout.individuals
    rows = there if suffix == ".slp" else slice(None)
    np.testing.assert_allclose(given.xy, labels.xy[rows], rtol=1e-12)
    np.testing.assert_allclose(given.unique_xy, labels.unique_xy[rows], rtol=1e-12)


def test_what_coco_tools_look_for(tmp_path):
    labels = made_up(LAYOUTS["several"])
    write_coco(labels, [(100, 60)] * 5, tmp_path / "labels.json", [("snout", "tail"), ("tail", "gone")])
    data = json.loads((tmp_path / "labels.json").read_text())
    assert data["images"][4] == {"id": 4, "file_name": "labeled-data/w/img4.png", "width": 100, "height": 60}
    animal, single = data["categories"]
    assert (animal["keypoints"], animal["skeleton"]) == (["snout", "tail"], [[1, 2]])
    assert single["keypoints"] == ["lamp", "door"]
    first = next(one for one in data["annotations"] if one["image_id"] == 1)
    assert first["individual"] == "anne"
    assert first["keypoints"][:3] == [0, 0, 0]
    assert first["keypoints"][3:5] == labels.xy[1, 0, 1].tolist()
    assert (first["keypoints"][5], first["num_keypoints"], first["iscrowd"]) == (2, 1, 0)
    assert [one["id"] for one in data["annotations"]] == list(range(len(data["annotations"])))
    x, y, width, height = data["annotations"][0]["bbox"]
    np.testing.assert_allclose(([x, y], [x + width, y + height]), (labels.xy[0, 0].min(0), labels.xy[0, 0].max(0)))


def test_coco_of_another_program(tmp_path):
    """Animals without names are counted, attributes and track ids are names, categories without keypoints nothing."""
    points = {"nose": [1, 2, 2], "tail": [3, 4, 1], "gone": [0, 0, 0]}
    keypoints = [value for point in points.values() for value in point]
    data = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "mouse", "keypoints": list(points)}, {"id": 4, "name": "cage"}],
        "annotations": [
            {"image_id": 9, "category_id": 3, "keypoints": keypoints},
            {"image_id": 9, "category_id": 3, "keypoints": keypoints},
            {"image_id": 7, "category_id": 3, "keypoints": keypoints, "attributes": {"individual": "bert"}},
            {"image_id": 7, "category_id": 3, "keypoints": keypoints, "track_id": 5},
            {"image_id": 7, "category_id": 4, "bbox": [0, 0, 1, 1]},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    given = read_coco(tmp_path / "a.json")
    assert given.layout.individuals == ("bert", "5", "individual1", "individual2")
    assert np.isfinite(given.xy).any((2, 3)).tolist() == [[True, True, False, False], [False, False, True, True]]
    np.testing.assert_array_equal(given.xy[0, 0], [[1, 2], [3, 4], [np.nan, np.nan]])


def test_nameless_animals_are_counted_past_the_names_that_are_taken(tmp_path):
    data = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 3, "name": "mouse", "keypoints": ["nose"]}],
        "annotations": [
            {"image_id": 1, "category_id": 3, "keypoints": [1, 1, 2], "individual": "individual1"},
            {"image_id": 1, "category_id": 3, "keypoints": [2, 2, 2]},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    given = read_coco(tmp_path / "a.json")
    assert given.layout.individuals == ("individual1", "individual2")
    np.testing.assert_array_equal(given.xy[0, :, 0, 0], [1, 2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not COCO keypoints"),
        ('{"images": [], "categories": [], "annotations": []}', "no category has keypoints"),
        (
            '{"images": [{"id": 0, "file_name": "a"}], "categories": [{"id": 0, "name": "m", "keypoints": ["a"]}], '
            '"annotations": [{"image_id": 0, "category_id": 0, "keypoints": [1, 2, 2, 3, 4, 2]}]}',
            "has 2 keypoints, not 1",
        ),
    ],
)
def test_files_that_are_no_coco(text, message, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DlcxError, match=message):
        read_coco(tmp_path / "a.json")


def test_a_file_that_sleap_wrote(shared):
    """101 frames that SLEAP's network predicted and nobody corrected."""
    path = shared / "data" / "fixtures" / "deepof" / "single" / "test2DLC_sleap.slp"
    with pytest.raises(DlcxError, match="nobody labelled any of its 101 frames") as caught:
        read_slp(path)
    assert "--predicted" in caught.value.hint
    given = read_slp(path, predicted=True)
    assert given.layout.bodyparts[:3] == ("Nose", "Left_ear", "Right_ear")
    assert (given.layout.individuals, given.xy.shape) == (("track_0",), (101, 1, 14, 2))
    assert [image.frame for image in given.images] == list(range(101))
    assert given.images[0].file.endswith("test2DLC_video_circular_arena.mp4")


def test_what_is_no_sleap_file_and_no_sleap_io(tmp_path, monkeypatch):
    (tmp_path / "a.slp").write_bytes(b"no")
    with pytest.raises(DlcxError, match=r"a\.slp: cannot be read as a SLEAP file \(no HDF5 file\)"):
        read_slp(tmp_path / "a.slp")
    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(DlcxError, match="sleap-io") as caught:
        read_slp(tmp_path / "a.slp")
    assert "dlcx[sleap]" in caught.value.hint


def test_a_slp_is_refused_before_the_hdf5_library_crashes_for_lack_of_room(tmp_path, monkeypatch):
    """The room that is asked for suffices for the file."""
    layout = LAYOUTS["several"]
    images = tuple(("labeled-data", "v" * 99, f"img{number:05d}.png") for number in range(300))
    labels = Labels(layout, images, np.ones((300, 2, 2, 2)), np.ones((300, 2, 2)))
    path, asked = tmp_path / "labels.slp", []

    def reserve(_, size):
        asked.append(size)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("dlcx.formats.labels.sleap.reserve", reserve)
        with pytest.raises(DlcxError, match=r"^disk full: cannot write .*/labels\.slp: no space left"):
            write_slp(labels, tmp_path, path)
    assert list(tmp_path.iterdir()) == []
    write_slp(labels, tmp_path, path)
    assert path.stat().st_size < asked[0]
