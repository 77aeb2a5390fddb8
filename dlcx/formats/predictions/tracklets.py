"""``<video><scorer>_el.pickle`` (``_bx``, ``_sk``): tracklets, before stitching.

::

    {"header": MultiIndex(scorer, bodyparts, coords) over bodyparts and unique bodyparts,
     "single": {0: (U, 3), ...},                    projects with unique bodyparts; x, y, score by frame number
     2: {"frame00": (K, 4), "frame01": ...},        one tracklet; x, y, score, identity (-1: unknown)
     ...}

Values are float64, positions pixels of the full image.  A bodypart that was not detected is nan, nan and its score.
Format: DeepLabCut 3.0.2.

Everything is plain Python and numpy except for the header, which must be a pandas index, because DeepLabCut's stitching
reads the column names from it.  It is pickled as a call that creates it from plain lists, which every version of pandas
understands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import frame_digits
from dlcx.formats.predictions.pose_tables import COORDS
from dlcx.formats.serialization import checked_values
from dlcx.formats.serialization.pickles import dump_pickle, load_plain_pickle
from dlcx.poses import Instances, Layout, Prediction


@dataclass(frozen=True)
class StoredTracklets:
    """The content of a tracklets file.

    Attributes
    ----------
    tracklets
        Frame numbers (n,) and poses (n, K, 4) of each tracklet: x and y in pixels of the full frame, score, identity.
    unique
        Unique bodyparts (U, 3) by frame number.
    """

    tracklets: Mapping[int, tuple[np.ndarray, np.ndarray]]
    unique: Mapping[int, np.ndarray]


def write_tracklets(
    tracklets: Mapping[int, tuple[np.ndarray, np.ndarray]],
    predictions: Sequence[Prediction],
    path: Path,
    layout: Layout,
    scorer: str,
    *,
    frames: int,
    first: int = 0,
) -> None:
    """Write tracklets in the given order.

    Parameters
    ----------
    tracklets
        Frame numbers (n,) and poses (n, K, 4) of each tracklet.
    predictions
        One prediction per frame, for the unique bodyparts.
    path
        The file to write.
    layout
        Names of bodyparts and individuals.
    scorer
        Name of the network.
    frames
        Number of frames of the complete video, which determines the number of digits in the keys.
    first
        Number of the first frame.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    digits = frame_digits(frames)
    content: dict[Any, Any] = {"header": _Header(layout, scorer)}
    if layout.unique:
        content["single"] = {
            number: _single(found.unique)
            for number, found in enumerate(predictions, first)
            if found.unique is not None and len(found.unique)
        }
    for number, (at, poses) in tracklets.items():
        keys = [f"frame{frame:0{digits}d}" for frame in at.tolist()]
        content[np.int64(number)] = dict(zip(keys, np.asarray(poses, np.float64), strict=True))
    dump_pickle(content, path)


def read_tracklets(path: Path) -> StoredTracklets:
    """Read the tracklets of DeepLabCut 2.2 to 3.0 or dlcx.

    Frames for which DeepLabCut stored the state of a tracker instead of a pose are left out.

    Raises
    ------
    DlcxError
        If the file is missing, damaged, or another pickle.
    """
    content = load_plain_pickle(path, foreign=True)
    if not isinstance(content, dict) or "header" not in content:
        raise DlcxError(f"{path}: expected tracklets (keys 'header', 0, 1, ...)")
    try:
        tracklets = {int(key): _tracklet(one) for key, one in content.items() if key not in ("header", "single")}
        single = {_number(key): np.asarray(pose) for key, pose in content.get("single", {}).items()}
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError) as error:
        raise DlcxError(f"{path}: not the tracklets of a video ({error})") from error
    return StoredTracklets(tracklets, {frame: pose for frame, pose in single.items() if pose.size})


class _Header:
    """Placeholder that is pickled as the pandas index of the columns."""

    def __init__(self, layout: Layout, scorer: str) -> None:
        self.names = [scorer], [*layout.bodyparts, *layout.unique], list(COORDS)

    def __reduce__(self) -> tuple[Any, ...]:
        parts, coords = len(self.names[1]), len(COORDS)
        columns = range(parts * coords)
        codes = [[0 for _ in columns], [i // coords for i in columns], [i % coords for i in columns]]
        return pd.MultiIndex, (list(self.names), codes, None, ["scorer", "bodyparts", "coords"])


def _single(found: Instances) -> np.ndarray:
    return np.concatenate([found.xy[0], found.score[0, :, None]], -1).astype(np.float32)


def _tracklet(entries: Mapping[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    poses = {_number(key): np.asarray(pose, np.float64) for key, pose in entries.items()}
    frames = sorted(frame for frame, pose in poses.items() if pose.ndim == 2 and pose.shape[1] >= 3)
    if not frames:
        return np.zeros(0, int), np.zeros((0, 0, 4))
    stacked = np.stack([poses[frame] for frame in frames])
    if stacked.shape[-1] == 3:  # without identity, in older files
        stacked = np.concatenate([stacked, np.full((*stacked.shape[:2], 1), -1.0)], -1)
    return np.array(frames), stacked


def _number(key: Any) -> int:
    """Return a frame number; keys are numbers in older files and names such as ``frame007`` in newer ones."""
    return checked_values.integer(int(re.sub(r"\D", "", key)) if isinstance(key, str) else key, "frame")
