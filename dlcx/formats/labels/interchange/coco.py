"""Keypoints in COCO's JSON.

::

    {"images":      [{"id": 0, "file_name": "labeled-data/vid/img00.png", "width": 640, "height": 480}, ...],
     "categories":  [{"id": 1, "name": "animal", "keypoints": ["snout", ...], "skeleton": [[1, 2], ...]}, ...],
     "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "keypoints": [x, y, v, ...], "num_keypoints": 4,
                      "bbox": [x, y, width, height], "area": 12.0, "iscrowd": 0, "individual": "anne"}, ...]}

v is 2 for a labeled keypoint and 0 for any other.  Skeletons count keypoints from 1.  Unique bodyparts are a category
named ``single``.  The key ``individual`` is an addition of dlcx.  Format: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import SINGLE, ImportedImage, ImportedLabels, LabeledAnimal
from dlcx.formats.labels.registry import LabelExport, label_reader, label_writer
from dlcx.outputs import write_text
from dlcx.untrusted_files import read_json

#: Keys under which programs store the identity of an animal, in order of preference.
_IDENTITY_KEYS = ("individual", "track_id", "instance_id")


@label_reader("COCO keypoints", suffixes=(".json",))
def read_coco(path: Path, *, predicted: bool = False) -> ImportedLabels:
    """Read the keypoints of a COCO JSON file, which does not tell labels from predictions.

    Raises
    ------
    DlcxError
        If the file is not COCO JSON or has no category with keypoints.
    """
    data = read_json(path)
    try:
        categories = _keypoint_categories(data["categories"])
        rows = {image["id"]: row for row, image in enumerate(data["images"])}
        images = [_image(image) for image in data["images"]]
        animals = [
            _animal(annotation, categories[annotation["category_id"]], rows)
            for annotation in data["annotations"]
            if annotation["category_id"] in categories and annotation.get("keypoints")
        ]
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DlcxError(f"{path}: not COCO keypoints: {type(error).__name__} {str(error)[:200]}") from None
    if not categories:
        raise DlcxError(f"{path}: no category has keypoints", hint="Boxes and masks alone do not label bodyparts.")
    names: dict[bool, list[str]] = {True: [], False: []}
    for category in categories.values():
        names[category["name"] == SINGLE] += category["keypoints"]
    return ImportedLabels.from_animals(list(dict.fromkeys(names[False])), names[True], images, animals)


def _keypoint_categories(entries: Any) -> dict[Any, dict[str, Any]]:
    """Return the categories that have keypoints, by id."""
    categories = {entry["id"]: {**entry, "name": str(entry["name"])} for entry in entries if entry.get("keypoints")}
    for category in categories.values():
        keypoints = category["keypoints"]
        if not isinstance(keypoints, list) or not all(isinstance(name, str) for name in keypoints):
            raise ValueError("keypoints of a category must be names")
        if len(set(keypoints)) < len(keypoints):
            raise ValueError(f"category {category['name'][:60]!r} lists a keypoint twice")
    return categories


def _image(entry: dict[str, Any]) -> ImportedImage:
    if not isinstance(entry["file_name"], str):
        raise ValueError("file_name of an image must be a name")
    width, height = entry.get("width"), entry.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return ImportedImage(entry["file_name"], size=(width, height))
    return ImportedImage(entry["file_name"])


def _animal(annotation: dict[str, Any], category: dict[str, Any], rows: dict[Any, int]) -> LabeledAnimal:
    points = np.array(annotation["keypoints"])
    if points.dtype.kind not in "iuf":
        raise ValueError(f"annotation {annotation.get('id')} has keypoints that are not numbers")
    points = points.astype(float).reshape(-1, 3)
    keypoints = tuple(category["keypoints"])
    if len(points) != len(keypoints):
        raise ValueError(f"annotation {annotation.get('id')} has {len(points)} keypoints, not {len(keypoints)}")
    keys = {**annotation, **(annotation.get("attributes") or {})}
    individual = next((str(keys[key]) for key in _IDENTITY_KEYS if keys.get(key) is not None), None)
    xy = np.where(points[:, 2:] > 0, points[:, :2], np.nan)
    return LabeledAnimal(rows[annotation["image_id"]], individual, category["name"], keypoints, xy)


@label_writer("COCO keypoints", suffixes=(".json",))
def write_coco(export: LabelExport, path: Path) -> None:
    """Write labels as COCO keypoints, with the width and height of each image.

    Raises
    ------
    DlcxError
        If an image or the file cannot be opened.
    """
    labels, layout = export.labels, export.labels.layout
    number = {name: index for index, name in enumerate(layout.bodyparts, 1)}
    bones = [[number[one], number[other]] for one, other in export.skeleton if one in number and other in number]
    categories = [_category(1, "animal", layout.bodyparts, bones)]
    categories += [_category(2, SINGLE, layout.unique, [])] if layout.unique else []
    annotations: list[dict[str, Any]] = []
    for row in range(len(labels)):
        animals: list[tuple[int, str | None, np.ndarray]] = [
            (1, name if layout.multi else None, xy) for name, xy in zip(layout.individuals, labels.xy[row], strict=True)
        ]
        animals += [(2, None, labels.unique_xy[row])] if layout.unique else []
        for category, individual, xy in animals:
            if np.isfinite(xy).all(-1).any():
                entry = {"id": len(annotations), "image_id": row, "category_id": category, **_keypoints(xy)}
                annotations.append(entry | ({"individual": individual} if individual else {}))
    images = [
        {"id": row, "file_name": "/".join(image), "width": width, "height": height}
        for row, (image, (width, height)) in enumerate(zip(labels.images, export.image_sizes(), strict=True))
    ]
    write_text(path, json.dumps({"images": images, "categories": categories, "annotations": annotations}) + "\n")


def _category(number: int, name: str, keypoints: Sequence[str], bones: list[list[int]]) -> dict[str, Any]:
    return {"id": number, "name": name, "supercategory": name, "keypoints": list(keypoints), "skeleton": bones}


def _keypoints(xy: np.ndarray) -> dict[str, Any]:
    """Return the part of an annotation that describes the keypoints (K, 2) of one animal."""
    labeled = np.isfinite(xy).all(-1)
    points = np.concatenate([np.where(labeled[:, None], xy, 0), 2.0 * labeled[:, None]], axis=1)
    low = xy[labeled].min(0)
    width, height = xy[labeled].max(0) - low
    flat = [int(value) if index % 3 == 2 else float(value) for index, value in enumerate(points.ravel())]
    return {
        "keypoints": flat,
        "num_keypoints": int(labeled.sum()),
        "bbox": [*map(float, low), float(width), float(height)],
        "area": float(width * height),
        "iscrowd": 0,
    }
