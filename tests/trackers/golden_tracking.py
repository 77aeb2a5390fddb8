"""DeepLabCut's tracklets and tracks of three sets of detections, stored as the index of the animal in each frame.

``<src>.assemblies`` (T, N, K, 4) x, y, score, identity of ``<src>.count`` (T,) animals a frame;
``<run>.<tracklet>.frames`` and ``.animal``, -2 where DeepLabCut stored a prediction;
``<run>.stitch<i>.animal`` (T, A), -1 for none.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.poses import Instances, Prediction
from dlcx.trackers.detections import Detections
from dlcx.trackers.tracklets import Tracklet

POST = Path(__file__).parents[1] / "golden" / "post"


@cache
def arrays() -> dict[str, np.ndarray]:
    with np.load(POST / "tracking.npz") as stored:
        return dict(stored)


def runs() -> list[dict[str, Any]]:
    return json.loads((POST / "tracking.json").read_text())  # type: ignore[no-any-return]


def source(run: dict[str, Any]) -> str:
    return run["name"].split(".")[0]


def predictions(name: str) -> list[Prediction]:
    """One a frame; the stored identities become votes."""
    found = []
    for poses, count in zip(arrays()[f"{name}.assemblies"], arrays()[f"{name}.count"], strict=True):
        poses = poses[:count].astype(np.float64)
        votes = (poses[..., 3:] == np.arange(3)).astype(np.float32) if (poses[..., 3] >= 0).any() else None
        found.append(Prediction(Instances(poses[..., :2], poses[..., 2], identity=votes)))
    return found


def detections(run: dict[str, Any], **options: Any) -> Detections:
    parts = arrays()[f"{source(run)}.assemblies"].shape[2]
    return Detections.of(predictions(source(run)), parts, pcutoff=run["inference_cfg"]["pcutoff"], **options)


def rows_of(found: Detections, frames: np.ndarray, animals: np.ndarray, run: dict[str, Any]) -> np.ndarray:
    """Rows of the detections of animals given by frame and place in it."""
    poses = arrays()[f"{source(run)}.assemblies"][frames, animals]
    rows = []
    for frame, pose in zip(frames, poses, strict=True):
        there = np.flatnonzero(found.frame == frame)
        off = np.abs(found.score[there] - pose[:, 2]).max(1)
        moved = np.abs(found.xy[there] - pose[None, :, :2]).max((1, 2), initial=0, where=np.isfinite(found.xy[there]))
        off = np.nan_to_num(off + moved, nan=np.inf)
        rows.append(there[off.argmin()])
        assert off.min() < 1e-3
    return np.array(rows, int)


def theirs(run: dict[str, Any], found: Detections) -> list[Tracklet]:
    """DeepLabCut's tracklets, but for frames in which it stored a prediction."""
    tracklets = []
    for name in run["tracklets"]:
        frames, animal = (arrays()[f"{run['name']}.{name}.{what}"].astype(int) for what in ("frames", "animal"))
        real = animal >= 0
        tracklets.append(Tracklet(int(name), rows_of(found, frames[real], animal[real], run)))
    return tracklets


def same_poses(found: Detections, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the rows are the same animal in the same place; some sets hold an animal twice. -1 is nobody."""
    nobody = (rows < 0) | (others < 0)
    same = (found.xy[rows] == found.xy[others]) | (np.isnan(found.xy[rows]) & np.isnan(found.xy[others]))
    return np.where(nobody, rows == others, same.all((-1, -2)))
