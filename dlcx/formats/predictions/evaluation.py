"""Results of ``dlcx evaluate``: predictions on the labeled images, and tables of errors.

::

    evaluation-results-pytorch/iteration-<I>/
      CombinedEvaluation-results.csv          the rows of all shuffles and snapshots
      <task><date>-trainset<TF>shuffle<S>/
        <scorer>.h5                           predictions on the labeled images, in the order of CollectedData
        <scorer>-results.csv                  %Training dataset,Shuffle number,Training epochs,
                                              Detector epochs (TD only),pcutoff,train rmse,...,test mAR
                                              (identity head: train id_head_<bodypart>_accuracy, ... too)
        <scorer>-keypoint-results.csv         ,snout,back / Train error (px),... / Test error (px),...

The h5 has the level ``individuals`` for a single animal (``individual_1``), too.  Animals that were not detected are
-1, images that were not evaluated are nan.  Individuals are in the order of the network and not matched to names.
Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import padded_values, pose_columns, read_h5, split_table, write_h5
from dlcx.formats.serialization.checked_values import cell_integer, cell_number, csv_rows
from dlcx.formats.serialization.csv_cells import is_missing
from dlcx.locks import exclusive_edit
from dlcx.metrics import PoseMetrics
from dlcx.outputs import write_text
from dlcx.poses import Instances, Layout, Prediction

Image = tuple[str, str, str]
INDEX = ("%Training dataset", "Shuffle number", "Training epochs", "Detector epochs (TD only)", "pcutoff")
NUMBERS = ("rmse", "rmse_pcutoff", "mAP", "mAR")


@dataclass(frozen=True)
class EvaluationRow:
    """Errors of one snapshot on the training and test images.

    Attributes
    ----------
    fraction, shuffle
        Training fraction and number of the shuffle.
    epochs, detector_epochs
        Epochs of the snapshot and of the detector's; -1 without a detector.
    pcutoff
        Minimum likelihood of the points that count for ``rmse_pcutoff``; one value, or one per bodypart.
    train, test
        PoseMetrics on the training and test images.
    bodyparts
        Names of the columns of identity accuracy, for networks with an identity head.
    """

    fraction: float
    shuffle: int
    epochs: int
    pcutoff: float | Sequence[float]
    train: PoseMetrics
    test: PoseMetrics
    detector_epochs: int = -1
    bodyparts: Sequence[str] = ()

    def cells(self) -> dict[str, str]:
        """Return the cells of the results csv by column: numbers rounded to 2 decimals, empty for nan."""
        cutoffs = [self.pcutoff] if isinstance(self.pcutoff, (int, float)) else self.pcutoff
        index = (self.fraction, self.shuffle, self.epochs, self.detector_epochs, ", ".join(map(str, cutoffs)))
        row = {name: str(value) for name, value in zip(INDEX, index, strict=True)}
        for split, metrics in (("train", self.train), ("test", self.test)):
            row |= {f"{split} {name}": _cell(getattr(metrics, name)) for name in NUMBERS}
            named = zip(self.bodyparts, metrics.identity, strict=False)  # a split without images has no values
            row |= {f"{split} id_head_{part}_accuracy": _cell(accuracy) for part, accuracy in named}
        return row


def write_evaluation(
    images: Sequence[Image], predictions: Sequence[Prediction | None], layout: Layout, path: Path, scorer: str
) -> None:
    """Write the predictions on all labeled images.

    Parameters
    ----------
    images
        The labeled images, in the order of CollectedData.
    predictions
        The prediction in each image, in pixels of the image; None if the image was not evaluated.  If there are more
        animals than individuals in the project, the first ones are written.
    layout
        Names of bodyparts and individuals.
    path
        The h5 to write.
    scorer
        Name of the network.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    frame = pd.DataFrame(
        padded_values(predictions, layout),
        index=pd.MultiIndex.from_tuples(images),
        columns=pose_columns(layout, scorer, individuals=True),
    )
    write_h5(frame, path, table=False)


def read_evaluation(path: Path) -> tuple[Layout, dict[Image, Prediction]]:
    """Read the predictions of an evaluation.

    Returns
    -------
    layout, predictions
        Names of bodyparts and individuals, and the prediction in each evaluated image, in pixels of the image.

    Raises
    ------
    DlcxError
        If the file is missing or is not such a table.
    """
    frame = read_h5(path)
    frame, _, layout = split_table(frame, path)
    if frame.index.nlevels != 3:
        raise DlcxError(
            f"{path}: expected rows named by labeled-data, video and image, got {frame.index.nlevels} level(s)"
        )
    count, animals, parts = len(frame), len(layout.individuals), len(layout.bodyparts)
    values = frame.to_numpy().reshape(count, frame.shape[1] // 3, 3)
    poses = values[:, : animals * parts].reshape(count, animals, parts, 3)
    unique = values[:, None, animals * parts :]
    evaluated = np.flatnonzero(~np.isnan(values).all((1, 2)))
    found = {
        tuple(map(str, frame.index[int(i)])): Prediction(_found(poses[i]), _found(unique[i]) if layout.unique else None)
        for i in evaluated
    }
    return layout, found  # type: ignore[return-value]


def write_results(row: EvaluationRow, path: Path) -> None:
    """Write ``-results.csv``, a table of one row.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    _write_rows([row.cells()], path)


def write_keypoint_results(row: EvaluationRow, layout: Layout, path: Path) -> None:
    """Write ``-keypoint-results.csv``, the mean error of every bodypart in pixels.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = (*layout.bodyparts, *layout.unique)
    writer.writerow(["", *names])
    for title, metrics in (("Train error (px)", row.train), ("Test error (px)", row.test)):
        errors = (*metrics.per_bodypart, *metrics.per_unique) or [math.nan] * len(
            names
        )  # a split without images has no errors
        writer.writerow([title, *("" if math.isnan(error) else repr(error) for error in errors)])
    write_text(Path(path), text.getvalue())


def merge_combined(row: EvaluationRow, path: Path) -> None:
    """Add a row to ``CombinedEvaluation-results.csv``, or replace the existing row of the same snapshot.

    The table identifies snapshots by their epochs, so the best snapshot and a regular one of the same epoch share a
    row.  Several processes may add rows at the same time.

    Raises
    ------
    DlcxError
        If the existing file is not such a table, cannot be written, or is locked by another process.
    """
    with exclusive_edit(path):
        rows = {_key(old): old for old in _read_rows(path)}
        new = row.cells()
        rows[_key(new)] = {**rows.get(_key(new), {}), **new}
        _write_rows([rows[key] for key in sorted(rows)], path)


@dataclass(frozen=True)
class CombinedRow:
    """One row of ``CombinedEvaluation-results.csv``: errors of a snapshot in pixels, nan if the cell is empty."""

    percent: int
    shuffle: int
    epochs: int
    train_rmse: float
    test_rmse: float


def read_combined(path: Path) -> list[CombinedRow]:
    """Read ``CombinedEvaluation-results.csv``; the list is empty if the file does not exist.

    Raises
    ------
    DlcxError
        If the file is not such a table.
    """
    found = []
    for row in _read_rows(path):
        try:
            fraction = cell_number(row[INDEX[0]], INDEX[0], 0, 1)
            shuffle, epochs = (cell_integer(row[name], name) for name in INDEX[1:3])
            errors = (_error(row.get(name, ""), name) for name in ("train rmse", "test rmse"))
            found.append(CombinedRow(int(100 * fraction), shuffle, epochs, *errors))
        except ValueError as error:
            raise DlcxError(
                f"{path}: {error}", hint="Move the file away. The next evaluation writes a new one."
            ) from error
    return found


def _found(poses: np.ndarray) -> Instances:
    """Return the animals among (A, K, 3) that are not -1."""
    poses = poses[~(poses[..., 2] < 0).all(-1)]
    return Instances(poses[..., :2], poses[..., 2])


def _error(cell: str, name: str) -> float:
    """Return an error in pixels, or nan if the cell is empty."""
    return math.nan if is_missing(cell) else cell_number(cell, name, 0)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else str(round(float(value), 2))


def _key(row: Mapping[str, str]) -> tuple[tuple[float, str], ...]:
    """Return the index columns as a sort key: by number, or by text for several cutoffs."""

    def order(cell: str) -> tuple[float, str]:
        try:
            return float(cell), ""
        except ValueError:
            return math.inf, cell

    return tuple(order(row[name]) for name in INDEX)


def _read_rows(path: Path) -> list[dict[str, Any]]:
    path = Path(path)
    if not path.is_file():
        return []
    return [row for _, row in csv_rows(path, INDEX, hint="Move the file away. The next evaluation writes a new one.")]


def _write_rows(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(Path(path), text.getvalue())
