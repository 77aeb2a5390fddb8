"""Lines of the report, and helpers for all comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

KEYPOINT_LIMIT = 0.01  # px
LIKELIHOOD_LIMIT = 1e-4
TABLE_LIMIT = 0.0101  # tables are rounded to two decimals, so the last digit may differ


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    where: str
    what: str
    ok: bool
    difference: float | None = None
    limit: float | None = None
    unit: str = ""
    note: str = ""


def measured(where: str, what: str, difference: float, limit: float, unit: str = "") -> Check:
    """Return a check that passes if the difference is within the limit; nan fails."""
    return Check(where, what, bool(difference <= limit), float(difference), limit, unit)


def table(checks: list[Check]) -> str:
    """Return the checks as aligned lines."""
    rows = [("", "project", "check", "largest difference", "limit", "")]
    rows += [
        (
            "ok" if check.ok else "FAIL",
            check.where,
            check.what,
            "" if check.difference is None else f"{check.difference:.2g} {check.unit}",
            "" if check.limit is None else f"{check.limit:g}",
            check.note,
        )
        for check in checks
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join([*map(str.ljust, row[:5], widths), row[5]]).rstrip() for row in rows)


def summary(checks: list[Check]) -> str:
    """Return one line per project: number of passed checks and largest difference in pixels."""
    rows = [("project", "checks passed", "largest difference, px")]
    for where in dict.fromkeys(check.where for check in checks):
        own = [check for check in checks if check.where == where]
        pixels = [check.difference for check in own if check.unit == "px" and check.difference is not None]
        rows.append((where, f"{sum(check.ok for check in own)}/{len(own)}", f"{max(pixels):.2g}" if pixels else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join("  ".join([*map(str.ljust, row[:2], widths), row[2]]).rstrip() for row in rows)


def compared(where: str, what: str, function, *arguments) -> list[Check]:
    """Return ``function(where, what, *arguments)``, or a failed check if a file cannot be read or matched."""
    try:
        return function(where, what, *arguments)
    except Exception as error:
        return [Check(where, what, ok=False, note=f"{type(error).__name__}: {error}")]


def matching(ours: Path, theirs: Path, pattern: str) -> tuple[Path, Path] | None:
    """Return the file that matches the pattern in both projects, if there is exactly one such name."""
    pair = [{path.relative_to(root) for path in root.glob(pattern)} for root in (ours, theirs)]
    both = pair[0] & pair[1]
    if len(both) != 1:
        return None
    name = both.pop()
    return ours / name, theirs / name


def missing(where: str, what: str, pattern: str) -> Check:
    """Return a failed check for a file that is not in both projects."""
    return Check(where, what, ok=False, note=f"not exactly one common file matches {pattern}")


def structure_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """Return the first difference between the labels or types of two tables, or an empty string."""
    for name, mine, other in (
        ("shape", ours.shape, theirs.shape),
        ("column levels", list(ours.columns.names), list(theirs.columns.names)),
        ("columns", ours.columns.to_list(), theirs.columns.to_list()),
        # A single image without animals turns all of DeepLabCut's numbers into float64.
        ("kinds of dtypes", {dtype.kind for dtype in ours.dtypes}, {dtype.kind for dtype in theirs.dtypes}),
        ("index levels", list(ours.index.names), list(theirs.index.names)),
        ("index type", ours.index.nlevels, theirs.index.nlevels),
        ("index", ours.index.to_list(), theirs.index.to_list()),
    ):
        if mine != other:
            return f"{name}: dlcx {str(mine)[:120]}, DeepLabCut {str(other)[:120]}"
    return ""


def largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference, or inf if different values are nan."""
    if ours.shape != theirs.shape or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return float("inf")
    difference = np.abs(ours.astype(float) - theirs.astype(float))
    return 0.0 if np.isnan(difference).all() else float(np.nanmax(difference))


def key_difference(ours: dict, theirs: dict) -> str:
    """Describe the keys that only one of two dictionaries has."""
    only = [
        f"only {name} {sorted(a.keys() - b.keys())}"
        for name, a, b in (("dlcx", ours, theirs), ("DeepLabCut", theirs, ours))
    ]
    return f"keys: {', '.join(only) if ours.keys() != theirs.keys() else 'order'}"


def flat(value: object, root: str, prefix: str = "") -> dict[str, object]:
    """Flatten nested mappings and lists of mappings to dotted keys; the project folder becomes PROJECT."""
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        return {
            key: leaf for name, inner in value.items() for key, leaf in flat(inner, root, f"{prefix}.{name}").items()
        }
    if isinstance(value, str):
        value = value.replace(str(Path(root).resolve()), "PROJECT").replace(root, "PROJECT")
    return {prefix.lstrip("."): value}
