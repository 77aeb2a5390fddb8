"""Compare the results of a command with the known correct values, using independent readers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from campaign.case import Check, CommandResult
from campaign.small_projects import IMAGES, LABELS, Points, points_of

NAME = "arenaDLC_TimmTestResnet_campJan1shuffle1_snapshot_10"


def differences(found: Points, expected: Points, tolerance: float = 0.01) -> str | None:
    """Describe the first keypoint that is missing, additional or at another position."""
    for point in sorted(expected.keys() | found.keys()):
        if point not in found:
            return f"missing {point}"
        if point not in expected:
            return f"additional {point} at {found[point]}"
        if not np.allclose(found[point], expected[point], atol=tolerance, rtol=1e-4):
            return f"{point} at {found[point]} instead of {expected[point]}"
    return None


def points_of_csv(path: Path) -> Points:
    """Read labels from a DeepLabCut csv."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    multi = rows[1][0] == "individuals"
    levels = 4 if multi else 3
    found: Points = {}
    for row in rows[levels:]:
        image = "/".join(row[:3])
        for column in range(3, len(row), 2):
            whose = rows[1][column] if multi and rows[1][column] != "single" else ""
            part = rows[levels - 2][column]
            if row[column] and row[column + 1]:
                found[image, whose, part] = float(row[column]), float(row[column + 1])
    return found


def points_of_h5(path: Path) -> Points:
    """Read labels from a DeepLabCut h5."""
    import pandas as pd

    table = pd.read_hdf(path)
    found: Points = {}
    for index, row in zip(table.index, table.to_numpy(), strict=True):
        image = "/".join(index) if isinstance(index, tuple) else str(index).replace("\\", "/")
        for column in range(0, len(row), 2):
            name = table.columns[column]
            whose = name[1] if len(name) == 4 and name[1] != "single" else ""
            if np.isfinite(row[column : column + 2].astype(float)).all():
                found[image, whose, name[-2]] = float(row[column]), float(row[column + 1])
    return found


def exported(expected: Points | None = None, *, multi: bool = False, tolerance: float = 0.01) -> Check:
    """Check that ``export-labels out.csv`` wrote these labels."""

    def check(folder: Path, _: CommandResult) -> str | None:
        wanted = points_of(multi) if expected is None else expected
        return differences(points_of_csv(folder / "out.csv"), wanted, tolerance)

    return check


def imported(expected: Points | None = None, *, multi: bool = False, file: str = f"P/{LABELS}") -> Check:
    """Check that ``import-labels`` wrote these labels to the h5 and the csv."""

    def check(folder: Path, _: CommandResult) -> str | None:
        wanted = points_of(multi) if expected is None else expected
        for found in (points_of_h5(folder / f"{file}.h5"), points_of_csv(folder / f"{file}.csv")):
            if wrong := differences(found, wanted):
                return wrong
        return None

    return check


def merged(expected: Points | None = None, *, multi: bool = False) -> Check:
    """Check that ``create-dataset`` merged these labels."""
    from campaign.small_projects import DATASET

    return imported(expected, multi=multi, file=f"P/{DATASET}/CollectedData_me")


def poses(path: Path) -> np.ndarray:
    """Return the values (frames, columns) of a table of poses."""
    import pandas as pd

    return pd.read_hdf(path).to_numpy(float)


def same_poses(frames: int | None = None, *, folder: str = "out", base: str = "one", tolerance: float = 0.05) -> Check:
    """Check that ``analyze-video --out out`` gives the same poses as the first analysis of the project."""

    def check(where: Path, _: CommandResult) -> str | None:
        reference = poses(where / "P" / "videos" / f"{NAME}.h5")[:frames]
        found = poses(where / folder / f"{NAME}.h5")
        if found.shape != reference.shape:
            return f"{found.shape} instead of {reference.shape} poses"
        if not np.allclose(found, reference, atol=tolerance, equal_nan=True):
            return f"poses up to {np.nanmax(np.abs(found - reference)):.3f} px apart"
        return None

    return check


def json_value(key: str, wanted: Any) -> Check:
    """Check a value in the --json output; dots in the key separate levels."""

    def check(_: Path, ended: CommandResult) -> str | None:
        value = json.loads(ended.out)
        for part in key.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return None if value == wanted else f"{key} is {value!r} instead of {wanted!r}"

    return check


def both(*checks: Check) -> Check:
    """Combine several checks."""

    def check(folder: Path, ended: CommandResult) -> str | None:
        return next((wrong for one in checks if (wrong := one(folder, ended))), None)

    return check


def holds(condition: Callable[[Path], bool], otherwise: str) -> Check:
    """Check a condition on the folder."""
    return lambda folder, _: None if condition(folder) else otherwise


def warned(words: str) -> Check:
    """Check that stderr contains these words."""
    return lambda _, ended: (
        None if words in ended.err.decode(errors="replace") else f"stderr does not contain {words!r}"
    )


def without(points: Points, keep: Callable[[tuple[str, str, str]], bool]) -> Points:
    """Return the points that satisfy ``keep``."""
    return {name: place for name, place in points.items() if keep(name)}


def images_of(rows: Sequence[int]) -> set[str]:
    """Return the names of these labeled images."""
    return {"/".join(IMAGES[row]) for row in rows}
