"""COCO: names and coordinates are where other programs look for them, and their variants are read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from label_examples import LAYOUTS, example_export, example_labels

from dlcx.errors import DlcxError
from dlcx.formats.labels.interchange.coco import read_coco, write_coco


def test_what_coco_tools_look_for(tmp_path):
    labels = example_labels(LAYOUTS["several"])
    write_coco(example_export(labels, tmp_path, [("snout", "tail"), ("tail", "gone")]), tmp_path / "labels.json")
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
        (
            '{"images": [{"id": 0, "file_name": 7}], "categories": [{"id": 0, "name": "m", "keypoints": ["a"]}], '
            '"annotations": []}',
            "file_name of an image must be a name",
        ),
    ],
)
def test_files_that_are_no_coco(text, message, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DlcxError, match=message):
        read_coco(tmp_path / "a.json")
