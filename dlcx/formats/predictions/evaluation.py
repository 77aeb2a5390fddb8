"""Results of ``dlcx evaluate``, as DeepLabCut 3.0.2 writes them.

::

    evaluation-results-pytorch/iteration-<I>/
      CombinedEvaluation-results.csv          the rows of all shuffles and snapshots
      <task><date>-trainset<TF>shuffle<S>/
        <scorer>.h5                           predictions on the labeled images, in the order of CollectedData
        <scorer>-results.csv                  %Training dataset,Shuffle number,Training epochs,
                                              Detector epochs (TD only),pcutoff,train rmse,...,test mAR
                                              (identity head: train id_head_<bodypart>_accuracy, ... too)
        <scorer>-keypoint-results.csv         ,snout,back / Train error (px),... / Test error (px),...

The h5 has the level ``individuals`` for a single animal too (``individual_1``); animals that were not found are -1,
images that were not evaluated nan.  Individuals are in the order the net gave them, not matched to names.
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
    """Errors of one snapshot on the training and on the test images; ``detector_epochs`` is -1 without a detector.

    ``bodyparts`` are named in the columns of nets that tell individuals apart.
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
        """Columns of the results csv: numbers rounded to 2 decimals, empty for nan."""
        cutoffs = [self.pcutoff] if isinstance(self.pcutoff, (int, float)) else self.pcutoff
        index = (self.fraction, self.shuffle, self.epochs, self.detector_epochs, ", ".join(map(str, cutoffs)))
        row = {name: str(value) for name, value in zip(INDEX, index, strict=True)}
        for split, metrics in (("train", self.train), ("test", self.test)):
            row |= {f"{split} {name}": _cell(getattr(metrics, name)) for name in NUMBERS}
            named = zip(self.bodyparts, metrics.identity, strict=False)  # no numbers of a split without images
            row |= {f"{split} id_head_{part}_accuracy": _cell(share) for part, share in named}
        return row


def write_evaluation(
    images: Sequence[Image], predictions: Sequence[Prediction | None], layout: Layout, path: Path, scorer: str
) -> None:
    """Write the predictions of all labeled images; None for those that were not evaluated.

    Of more animals than the project has individuals the first ones are kept.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    frame = pd.DataFrame(
        padded_values(predictions, layout),
        index=pd.MultiIndex.from_tuples(images),
        columns=pose_columns(layout, scorer, individuals=True),
    )
    write_h5(frame, path, table=False)


def read_evaluation(path: Path) -> tuple[Layout, dict[Image, Prediction]]:
    """Read the predictions of an evaluation: per evaluated image the animals that were found.

    Raises
    ------
    DlcxError
        When the file is missing or no such table.
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
    """Write ``-results.csv``: one row of numbers.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    _write_rows([row.cells()], path)


def write_keypoint_results(row: EvaluationRow, layout: Layout, path: Path) -> None:
    """Write ``-keypoint-results.csv``: the mean error in pixels of every bodypart.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = (*layout.bodyparts, *layout.unique)
    writer.writerow(["", *names])
    for title, metrics in (("Train error (px)", row.train), ("Test error (px)", row.test)):
        errors = (*metrics.per_bodypart, *metrics.per_unique) or [math.nan] * len(names)  # none without images
        writer.writerow([title, *("" if math.isnan(error) else repr(error) for error in errors)])
    write_text(Path(path), text.getvalue())


def merge_combined(row: EvaluationRow, path: Path) -> None:
    """Put a row into ``CombinedEvaluation-results.csv``, in place of an older one of the same snapshot.

    Epochs alone tell snapshots apart, so the best snapshot and a regular one of the same epoch share a row.
    Other processes may put in theirs meanwhile.

    Raises
    ------
    DlcxError
        When the file that exists is no such table, cannot be written, or is kept by another process.
    """
    with exclusive_edit(path):
        rows = {_key(old): old for old in _read_rows(path)}
        new = row.cells()
        rows[_key(new)] = {**rows.get(_key(new), {}), **new}
        _write_rows([rows[key] for key in sorted(rows)], path)


@dataclass(frozen=True)
class CombinedRow:
    """What one row of ``CombinedEvaluation-results.csv`` says of a snapshot; nan where it says nothing."""

    percent: int
    shuffle: int
    epochs: int
    train_rmse: float
    test_rmse: float


def read_combined(path: Path) -> list[CombinedRow]:
    """The rows of ``CombinedEvaluation-results.csv``; none where there is no such file.

    Raises
    ------
    DlcxError
        When the file is no such table.
    """
    found = []
    for row in _read_rows(path):
        try:
            fraction = cell_number(row[INDEX[0]], INDEX[0], 0, 1)
            shuffle, epochs = (cell_integer(row[name], name) for name in INDEX[1:3])
            errors = (_error(row.get(name, ""), name) for name in ("train rmse", "test rmse"))
            found.append(CombinedRow(int(100 * fraction), shuffle, epochs, *errors))
        except ValueError as error:
            raise DlcxError(f"{path}: {error}", hint="Move the file away; it is written anew.") from error
    return found


def _found(poses: np.ndarray) -> Instances:
    """Animals (A, K, 3) without those that are all -1."""
    poses = poses[~(poses[..., 2] < 0).all(-1)]
    return Instances(poses[..., :2], poses[..., 2])


def _error(cell: str, name: str) -> float:
    """A number of pixels; nan where there is none."""
    return math.nan if is_missing(cell) else cell_number(cell, name, 0)


def _cell(value: float) -> str:
    return "" if math.isnan(value) else str(round(float(value), 2))


def _key(row: Mapping[str, str]) -> tuple[tuple[float, str], ...]:
    """The index columns so that they sort as numbers, and as text where they are none (several cut-offs)."""

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
    return [row for _, row in csv_rows(path, INDEX, hint="Move the file away; it is written anew.")]


def _write_rows(rows: Sequence[Mapping[str, str]], path: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(Path(path), text.getvalue())
