"""``<video><scorer>.h5`` and ``.csv``: the poses in every frame of a video.

Key ``df_with_missing`` and float32; after tracking, key ``tracks`` and float64.  Table format of pandas.  Rows are
frame numbers (int64).  Only projects with several animals have the level ``individuals``.
:mod:`dlcx.formats.predictions.pose_tables` shows the table.  Format: DeepLabCut 3.0.2.
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

#: Maximum number of frames without a row per row of a file: a damaged frame number must not exhaust the memory.
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
    """Write the h5 and, beside it, the csv.

    Parameters
    ----------
    tracks
        Poses in T frames, in pixels of the full frame.
    path_h5
        The h5 to write.
    scorer
        Name of the network.
    csv
        Whether to write the csv.
    key
        Key of the table: ``tracks`` for tracks, otherwise ``df_with_missing``.
    readable
        For poses before tracking: whether each frame (T,) was decoded.  Animals that were not detected in such a frame
        are written as -1, -1, -1, as in DeepLabCut.  None writes all values as they are.
    double
        Whether to write float64; by default only for tracks.
    origin
        Description of the source of the poses, see :func:`dlcx.formats.predictions.pose_tables.write_h5`.

    Raises
    ------
    DlcxError
        If a file cannot be written.
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
    """Read the poses of a video from an h5 (float32 or float64, as stored) or a csv (float64).

    DeepLabCut writes -1, -1, -1 for an animal that was not detected; it is nan in the result.

    Returns
    -------
    Tracks
        Poses in pixels of the full frame.  Frames without a row are nan.

    Raises
    ------
    DlcxError
        If the file is missing, damaged or not a table of poses, or if its frame numbers are not in ascending order.
    """
    return _tracks(Path(path))[1]


def read_scorer(path: Path) -> str:
    """Return the scorer in the columns of a pose file."""
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
        raise DlcxError(f"{path}: has no frames", hint="Run `dlcx analyze-video` again with --overwrite.")
    values = values.reshape(len(frame), -1, 3)
    values = np.where(values[..., 2:] < 0, np.nan, values).astype(values.dtype)
    animals = len(layout.individuals) * len(layout.bodyparts)
    poses = values[:, :animals].reshape(len(frame), len(layout.individuals), len(layout.bodyparts), 3)
    unique = values[:, animals:]
    return scorer, Tracks(layout, poses[..., :2], poses[..., 2], unique[..., :2], unique[..., 2], first=first)


def _frame_numbers(index: pd.Index, path: Path) -> np.ndarray:
    """Return the frame numbers (T,), int64, that the rows are named by."""
    numbers = np.asarray(index)
    if index.nlevels != 1 or not np.issubdtype(numbers.dtype, np.number) or not np.isfinite(numbers).all():
        raise DlcxError(f"{path}: expected rows named by frame numbers, got {str(index[0])[:60]!r}, ...")
    integers = numbers.astype(np.int64)
    if (integers != numbers).any() or integers[0] < 0 or (np.diff(integers) <= 0).any():
        raise DlcxError(f"{path}: expected frame numbers in ascending order without duplicates")
    if integers[-1] - integers[0] > MAX_GAPS * len(integers) + MAX_GAPS:
        raise DlcxError(f"{path}: {len(integers)} rows claim to cover frames {integers[0]} to {integers[-1]}")
    return integers
