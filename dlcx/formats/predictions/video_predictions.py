"""``<video><scorer>.h5`` and ``.csv``: poses of every frame of a video, as DeepLabCut 3.0.2 writes them.

Key ``df_with_missing`` and float32, or, after tracking several animals, key ``tracks`` and float64; pandas' table
format; rows are frame numbers (int64).  The level ``individuals`` is there for projects with several animals only.
The table itself is drawn in :mod:`dlcx.formats.predictions.pose_tables`.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import (
    pose_columns,
    pose_values,
    read_csv,
    read_h5,
    split_table,
    write_csv,
    write_h5,
)
from dlcx.outputs import marked_outdated
from dlcx.poses import Tracks

#: Frames without a row that a file may have for each row; a damaged number would ask for more than memory holds.
MAX_GAPS = 10_000


def write_predictions(
    tracks: Tracks,
    path_h5: Path,
    scorer: str,
    *,
    csv: bool = True,
    key: str = "df_with_missing",
    readable: np.ndarray | None = None,
    double: bool | None = None,
    origin: str = "",
) -> None:
    """Write the h5 and, beside it, the csv; frames from ``tracks.first`` on.

    Numbers and nans are written as they are, but for poses that are not linked: there ``readable`` (T,) says in which
    frames a net looked, and what it did not find in them is -1, -1, -1, as DeepLabCut has it.
    ``double`` chooses float64 (default: for tracks only).  For ``origin`` see
    :func:`dlcx.formats.predictions.pose_tables.write_h5`.

    Raises
    ------
    DlcxError
        When a file cannot be written.
    """
    values = pose_values(tracks.xy, tracks.score, tracks.unique_xy, tracks.unique_score)
    if readable is not None:
        points = values.reshape(len(values), -1, 3)
        points[np.isnan(points[..., 2]) & readable[:, None]] = -1
    frame = pd.DataFrame(
        values.astype(np.float64 if (key == "tracks" if double is None else double) else np.float32),
        index=pd.RangeIndex(tracks.first, tracks.first + len(tracks)).astype(np.int64),
        columns=pose_columns(tracks.layout, scorer, individuals=tracks.layout.multi),
    )
    text = Path(path_h5).with_suffix(".csv")
    with marked_outdated(text) if csv else nullcontext():
        write_h5(frame, path_h5, key=key, table=True, origin=origin)
        if csv:
            write_csv(frame, text)


def read_predictions(path: Path) -> Tracks:
    """Read an h5 (float32 or float64, as stored) or a csv (float64) of DeepLabCut or dlcx.

    DeepLabCut marks an animal that was not found by -1, -1, -1; here it is nan, as everything unseen.

    Raises
    ------
    DlcxError
        When the file is missing, broken, or no table of poses, or when its frames are not consecutive.
    """
    return _tracks(Path(path))[1]


def read_scorer(path: Path) -> str:
    """The scorer name in the columns of a prediction file."""
    return _tracks(Path(path))[0]


def _tracks(path: Path) -> tuple[str, Tracks]:
    frame = read_csv(path) if path.suffix == ".csv" else read_h5(path)
    frame, scorer, layout = split_table(frame, path)
    first = 0
    if len(frame):
        numbers = _frame_numbers(frame.index, path)
        first, last = int(numbers[0]), int(numbers[-1])
        if last - first + 1 != len(frame):
            frame = frame.set_axis(numbers, axis=0).reindex(np.arange(first, last + 1))
    values: np.ndarray = frame.to_numpy()
    if not np.issubdtype(values.dtype, np.floating):
        raise DlcxError(f"{path}: expected numbers, got {values.dtype}")
    if not len(values):
        raise DlcxError(f"{path}: holds no frames", hint="Run `dlcx analyze-video` again with --overwrite.")
    values = values.reshape(len(frame), -1, 3)
    values = np.where(values[..., 2:] < 0, np.nan, values).astype(values.dtype)
    animals = len(layout.individuals) * len(layout.bodyparts)
    poses = values[:, :animals].reshape(len(frame), len(layout.individuals), len(layout.bodyparts), 3)
    unique = values[:, animals:]
    return scorer, Tracks(layout, poses[..., :2], poses[..., 2], unique[..., :2], unique[..., 2], first=first)


def _frame_numbers(index: pd.Index, path: Path) -> np.ndarray:
    """The numbers (T,) int64 that rows are named by."""
    numbers = np.asarray(index)
    if index.nlevels != 1 or not np.issubdtype(numbers.dtype, np.number) or not np.isfinite(numbers).all():
        raise DlcxError(f"{path}: expected rows named by frame numbers, got {str(index[0])[:60]!r}, ...")
    whole = numbers.astype(np.int64)
    if (whole != numbers).any() or whole[0] < 0 or (np.diff(whole) <= 0).any():
        raise DlcxError(f"{path}: expected frame numbers, each once and in order")
    if whole[-1] - whole[0] > MAX_GAPS * len(whole) + MAX_GAPS:
        raise DlcxError(f"{path}: {len(whole)} rows claim to be of frames {whole[0]} to {whole[-1]}")
    return whole
