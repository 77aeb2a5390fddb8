"""Keypoints as COCO's json has them.

::

    {"images":      [{"id": 0, "file_name": "labeled-data/vid/img00.png", "width": 640, "height": 480}, ...],
     "categories":  [{"id": 1, "name": "animal", "keypoints": ["snout", ...], "skeleton": [[1, 2], ...]}, ...],
     "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "keypoints": [x, y, v, ...], "num_keypoints": 4,
                      "bbox": [x, y, width, height], "area": 12.0, "iscrowd": 0, "individual": "anne"}, ...]}

v is 2 for a labelled keypoint and 0 for another one; skeletons count keypoints from 1.  Unique bodyparts are a category
``single``; ``individual`` is dlcx's own key.  https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.labels.imported_labels import SINGLE, Found, ImportedImage, ImportedLabels
from dlcx.outputs import write_text
from dlcx.poses import Labels
from dlcx.untrusted_files import read_json


def read_coco(path: Path) -> ImportedLabels:
    """Read the keypoints of a COCO json.

    Raises
    ------
    DlcxError
        When it is none, or has no category with keypoints.
    """
    data = read_json(path)
    try:
        kinds = {one["id"]: one for one in data["categories"] if one.get("keypoints")}
        rows = {one["id"]: row for row, one in enumerate(data["images"])}
        images = [ImportedImage(one["file_name"], size=_size(one)) for one in data["images"]]
        found = [
            _found(one, kinds[one["category_id"]], rows)
            for one in data["annotations"]
            if one["category_id"] in kinds and one.get("keypoints")
        ]
        for kind in kinds.values():
            if not isinstance(kind["keypoints"], list) or not all(isinstance(part, str) for part in kind["keypoints"]):
                raise ValueError("keypoints of a category must be names")
            if len(set(kind["keypoints"])) < len(kind["keypoints"]):
                raise ValueError(f"category {str(kind['name'])[:60]!r} has a keypoint twice")
            kind["name"] = str(kind["name"])
        if not all(isinstance(one["file_name"], str) for one in data["images"]):
            raise ValueError("file_name of an image must be a name")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DlcxError(f"{path}: not COCO keypoints: {type(error).__name__} {str(error)[:200]}") from None
    if not kinds:
        raise DlcxError(f"{path}: no category has keypoints", hint="Boxes and masks alone are no labels of bodyparts.")
    names: dict[bool, list[str]] = {True: [], False: []}
    for kind in kinds.values():
        names[kind["name"] == SINGLE] += kind["keypoints"]
    return ImportedLabels.gathered(list(dict.fromkeys(names[False])), names[True], images, found)


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height of an image where the file says them."""
    sides = image.get("width"), image.get("height")
    if not all(isinstance(side, int) and side > 0 for side in sides):
        return None
    return sides  # type: ignore[return-value]


def _found(annotation: dict[str, Any], kind: dict[str, Any], rows: dict[Any, int]) -> Found:
    points = np.array(annotation["keypoints"])
    if points.dtype.kind not in "iuf":
        raise ValueError(f"annotation {annotation.get('id')} has keypoints that are no numbers")
    points = points.astype(float).reshape(-1, 3)
    if len(points) != len(kind["keypoints"]):
        raise ValueError(f"annotation {annotation.get('id')} has {len(points)} keypoints, not {len(kind['keypoints'])}")
    keys = {**annotation, **(annotation.get("attributes") or {})}
    whose = next(
        (str(keys[key]) for key in ("individual", "track_id", "instance_id") if keys.get(key) is not None), None
    )
    xy = np.where(points[:, 2:] > 0, points[:, :2], np.nan)
    return Found(rows[annotation["image_id"]], whose, kind["name"], tuple(kind["keypoints"]), xy)


def write_coco(
    labels: Labels, sizes: Sequence[tuple[int, int]], path: Path, skeleton: Sequence[tuple[str, str]] = ()
) -> None:
    """Write labels whose images have ``sizes`` (width, height)."""
    layout = labels.layout
    place = {name: number + 1 for number, name in enumerate(layout.bodyparts)}
    bones = [[place[one], place[other]] for one, other in skeleton if one in place and other in place]
    categories = [_category(1, "animal", layout.bodyparts, bones)]
    categories += [_category(2, SINGLE, layout.unique, [])] if layout.unique else []
    annotations: list[dict[str, Any]] = []
    for row in range(len(labels)):
        owners: list[tuple[int, str | None, np.ndarray]] = [
            (1, name if layout.multi else None, xy) for name, xy in zip(layout.individuals, labels.xy[row], strict=True)
        ]
        owners += [(2, None, labels.unique_xy[row])] if layout.unique else []
        for category, individual, xy in owners:
            if np.isfinite(xy).all(-1).any():
                whose = {"individual": individual} if individual else {}
                entry = {"id": len(annotations), "image_id": row, "category_id": category, **_keypoints(xy), **whose}
                annotations.append(entry)
    images = [
        {"id": row, "file_name": "/".join(image), "width": width, "height": height}
        for row, (image, (width, height)) in enumerate(zip(labels.images, sizes, strict=True))
    ]
    write_text(path, json.dumps({"images": images, "categories": categories, "annotations": annotations}) + "\n")


def _category(number: int, name: str, keypoints: Sequence[str], bones: list[list[int]]) -> dict[str, Any]:
    return {"id": number, "name": name, "supercategory": name, "keypoints": list(keypoints), "skeleton": bones}


def _keypoints(xy: np.ndarray) -> dict[str, Any]:
    """COCO's numbers of the keypoints (K, 2) of an animal."""
    seen = np.isfinite(xy).all(-1)
    points = np.concatenate([np.where(seen[:, None], xy, 0), 2.0 * seen[:, None]], axis=1)
    low = xy[seen].min(0)
    width, height = xy[seen].max(0) - low
    flat = [int(value) if place % 3 == 2 else float(value) for place, value in enumerate(points.ravel())]
    return {
        "keypoints": flat,
        "num_keypoints": int(seen.sum()),
        "bbox": [*map(float, low), float(width), float(height)],
        "area": float(width * height),
        "iscrowd": 0,
    }
