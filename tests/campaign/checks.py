"""Compares what a call left with what the generator knows, with readers of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from campaign.case import Check, Ended
from campaign.place import IMAGES, LABELS, Points, points_of

NAME = "arenaDLC_TimmTestResnet_campJan1shuffle1_snapshot_10"


def differences(found: Points, expected: Points, tolerance: float = 0.01) -> str | None:
    """The first point that is missing, invented or elsewhere."""
    for point in sorted(expected.keys() | found.keys()):
        if point not in found:
            return f"lost {point}"
        if point not in expected:
            return f"invented {point} at {found[point]}"
        if not np.allclose(found[point], expected[point], atol=tolerance, rtol=1e-4):
            return f"{point} at {found[point]} instead of {expected[point]}"
    return None


def points_of_csv(path: Path) -> Points:
    """Labels of a csv as DeepLabCut writes it."""
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
    """Labels of an h5 as DeepLabCut writes it."""
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
    """``export-labels out.csv`` wrote these labels."""

    def check(folder: Path, _: Ended) -> str | None:
        wanted = points_of(multi) if expected is None else expected
        return differences(points_of_csv(folder / "out.csv"), wanted, tolerance)

    return check


def imported(expected: Points | None = None, *, multi: bool = False, file: str = f"P/{LABELS}") -> Check:
    """``import-labels`` left these labels, in the h5 and in the csv."""

    def check(folder: Path, _: Ended) -> str | None:
        wanted = points_of(multi) if expected is None else expected
        for found in (points_of_h5(folder / f"{file}.h5"), points_of_csv(folder / f"{file}.csv")):
            if wrong := differences(found, wanted):
                return wrong
        return None

    return check


def merged(expected: Points | None = None, *, multi: bool = False) -> Check:
    """``create-dataset`` merged these labels."""
    from campaign.place import DATASET

    return imported(expected, multi=multi, file=f"P/{DATASET}/CollectedData_me")


def poses(path: Path) -> np.ndarray:
    """Values (frames, columns) of a table of poses."""
    import pandas as pd

    return pd.read_hdf(path).to_numpy(float)


def same_poses(frames: int | None = None, *, folder: str = "out", base: str = "one", tolerance: float = 0.05) -> Check:
    """``analyze-video --out out`` found what the first analysis of the project had found."""

    def check(where: Path, _: Ended) -> str | None:
        reference = poses(where / "P" / "videos" / f"{NAME}.h5")[:frames]
        found = poses(where / folder / f"{NAME}.h5")
        if found.shape != reference.shape:
            return f"{found.shape} instead of {reference.shape} poses"
        if not np.allclose(found, reference, atol=tolerance, equal_nan=True):
            return f"poses up to {np.nanmax(np.abs(found - reference)):.3f} px elsewhere"
        return None

    return check


def told(key: str, wanted: Any) -> Check:
    """The call with --json said this under a key; dots lead deeper."""

    def check(_: Path, ended: Ended) -> str | None:
        value = json.loads(ended.out)
        for part in key.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return None if value == wanted else f"{key} is {value!r} instead of {wanted!r}"

    return check


def both(*checks: Check) -> Check:
    """All of these hold."""

    def check(folder: Path, ended: Ended) -> str | None:
        return next((wrong for one in checks if (wrong := one(folder, ended))), None)

    return check


def holds(condition: Callable[[Path], bool], otherwise: str) -> Check:
    """A condition on the folder."""
    return lambda folder, _: None if condition(folder) else otherwise


def warned(words: str) -> Check:
    """Stderr has these words."""
    return lambda _, ended: None if words in ended.err.decode(errors="replace") else f"no word of {words!r}"


def without(points: Points, keep: Callable[[tuple[str, str, str]], bool]) -> Points:
    """The points that are kept."""
    return {name: place for name, place in points.items() if keep(name)}


def images_of(rows: Sequence[int]) -> set[str]:
    """The names of these labeled images."""
    return {"/".join(IMAGES[row]) for row in rows}
