"""Comparing the files that two tools wrote for the same project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlcx.formats.pickles import load_plain_pickle
from dlcx.formats.yaml_files import read_yaml

KEYPOINT_LIMIT = 0.01  # px
LIKELIHOOD_LIMIT = 1e-4
TABLE_LIMIT = 0.0101  # tables are rounded to two decimals; a last digit may fall either way


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
    """A check that holds when the difference is within the limit (nan never is)."""
    return Check(where, what, bool(difference <= limit), float(difference), limit, unit)


def table(checks: list[Check]) -> str:
    """The checks as aligned lines."""
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


def all_results(where: str, ours: Path, theirs: Path) -> list[Check]:
    """Compare evaluation and analysis of one project judged by dlcx and by DeepLabCut."""
    checks = [same_listing(where, ours, theirs)]
    for pattern, what in (
        ("evaluation-results-pytorch/*/*/*.h5", "evaluation h5"),
        ("videos/clipDLC*_snapshot_*[0-9].h5", "analysis h5"),
    ):
        pair = matching(ours, theirs, pattern)
        checks += compared(where, what, tables, *pair) if pair else [missing(where, what, pattern)]
    for pattern, what, header in (
        ("evaluation-results-pytorch/*/*/*[0-9]-results.csv", "results csv", 1),
        ("evaluation-results-pytorch/*/*/*-keypoint-results.csv", "keypoint-results csv", 1),
        ("evaluation-results-pytorch/*/CombinedEvaluation-results.csv", "combined results csv", 1),
        ("videos/clipDLC*_snapshot_*[0-9].csv", "analysis csv", 3),
    ):
        pair = matching(ours, theirs, pattern)
        checks += compared(where, what, csvs, *pair, header) if pair else [missing(where, what, pattern)]
    for pattern, what, function in (
        ("videos/*_full.pickle", "full pickle", full_pickles),
        ("videos/*_meta.pickle", "meta pickle", meta_pickles),
    ):
        pair = matching(ours, theirs, pattern)
        checks += compared(where, what, function, *pair) if pair else [missing(where, what, pattern)]
    return checks


def compared(where: str, what: str, function, *arguments) -> list[Check]:
    """``function(where, what, *arguments)``, where a file that cannot be read or matched is a failed check."""
    try:
        return function(where, what, *arguments)
    except Exception as error:
        return [Check(where, what, ok=False, note=f"{type(error).__name__}: {error}")]


def matching(ours: Path, theirs: Path, pattern: str) -> tuple[Path, Path] | None:
    """The one file of each project that the pattern names, when both have it under the same name."""
    pair = [{path.relative_to(root) for path in root.glob(pattern)} for root in (ours, theirs)]
    both = pair[0] & pair[1]
    if len(both) != 1:
        return None
    name = both.pop()
    return ours / name, theirs / name


def missing(where: str, what: str, pattern: str) -> Check:
    """A file that is not there in both."""
    return Check(where, what, ok=False, note=f"not exactly one common file matches {pattern}")


def same_listing(where: str, ours: Path, theirs: Path) -> Check:
    """Every file DeepLabCut wrote is there under the same name when dlcx did the work."""

    def names(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    lost = sorted(names(theirs) - names(ours))
    return Check(where, "same files", ok=not lost, note=f"only by DeepLabCut: {', '.join(lost)}" if lost else "")


def structure_difference(ours: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """The first way in which the tables' labels and types differ; empty when they do not."""
    for name, mine, other in (
        ("shape", ours.shape, theirs.shape),
        ("column levels", list(ours.columns.names), list(theirs.columns.names)),
        ("columns", ours.columns.to_list(), theirs.columns.to_list()),
        ("dtypes", sorted(set(map(str, ours.dtypes))), sorted(set(map(str, theirs.dtypes)))),
        ("index levels", list(ours.index.names), list(theirs.index.names)),
        ("index type", ours.index.nlevels, theirs.index.nlevels),
        ("index", ours.index.to_list(), theirs.index.to_list()),
    ):
        if mine != other:
            return f"{name}: dlcx {str(mine)[:120]}, DeepLabCut {str(other)[:120]}"
    return ""


def largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference; inf when the numbers missing in one are not those missing in the other."""
    if ours.shape != theirs.shape or not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return float("inf")
    difference = np.abs(ours.astype(float) - theirs.astype(float))
    return 0.0 if np.isnan(difference).all() else float(np.nanmax(difference))


def table_values(where: str, what: str, ours: pd.DataFrame, theirs: pd.DataFrame) -> list[Check]:
    """Structure, keypoints and likelihoods of two prediction tables."""
    difference = structure_difference(ours, theirs)
    checks = [Check(where, f"{what}: structure", ok=not difference, note=difference)]
    coords = theirs.columns.get_level_values(-1)
    score = np.asarray(coords == "likelihood")
    mine, other = ours.to_numpy(float), theirs.to_numpy(float)
    if mine.shape != other.shape:
        return checks
    keypoints = largest(mine[:, ~score], other[:, ~score])
    likelihood = largest(mine[:, score], other[:, score])
    return [
        *checks,
        measured(where, f"{what}: keypoints", keypoints, KEYPOINT_LIMIT, "px"),
        measured(where, f"{what}: likelihood", likelihood, LIKELIHOOD_LIMIT),
    ]


def tables(where: str, what: str, ours: Path, theirs: Path) -> list[Check]:
    """Two prediction h5: key and storage format too."""
    kinds, frames = [], []
    for path in (ours, theirs):
        with pd.HDFStore(path, "r") as store:
            (key,) = store.keys()
            kinds.append((key, store.get_storer(key).format_type))
            frames.append(store[key])
    same = kinds[0] == kinds[1]
    return [
        Check(
            where, f"{what}: key and format", ok=same, note="" if same else f"dlcx {kinds[0]}, DeepLabCut {kinds[1]}"
        ),
        *table_values(where, what, *frames),
    ]


def csvs(where: str, what: str, ours: Path, theirs: Path, header_rows: int) -> list[Check]:
    """Two csv files: same header text and first column, numbers within two decimals."""
    grids = [[line.split(",") for line in path.read_text().splitlines()] for path in (ours, theirs)]
    heads = [grid[:header_rows] for grid in grids]
    firsts = [[row[0] for row in grid] for grid in grids]
    same = heads[0] == heads[1] and firsts[0] == firsts[1]
    note = "" if same else f"dlcx {str(heads[0])[:150]}, DeepLabCut {str(heads[1])[:150]}"
    bodies = [[[float(cell or "nan") for cell in row[1:]] for row in grid[header_rows:]] for grid in grids]
    difference = largest(*(np.array(body, float) for body in bodies))
    return [
        Check(where, f"{what}: text", ok=same, note=note),
        measured(where, f"{what}: numbers", difference, TABLE_LIMIT),
    ]


def full_pickles(where: str, what: str, ours: Path, theirs: Path) -> list[Check]:
    """The detections of every frame: same keys, shapes and types, coordinates and confidences."""
    mine, other = load_plain_pickle(ours), load_plain_pickle(theirs)
    notes = []
    if list(mine) != list(other):
        notes.append(f"keys: dlcx {list(mine)[:3]}, DeepLabCut {list(other)[:3]}")
    if {k: type(v).__name__ for k, v in mine["metadata"].items()} != {
        k: type(v).__name__ for k, v in other["metadata"].items()
    }:
        notes.append(f"metadata: dlcx {mine['metadata']}, DeepLabCut {other['metadata']}")
    worst = {"coordinates": 0.0, "confidence": 0.0}
    for frame in other.keys() - {"metadata"}:
        pair = mine.get(frame, {}), other[frame]
        if set(pair[0]) != set(pair[1]):
            notes.append(f"{frame}: dlcx {sorted(pair[0])}, DeepLabCut {sorted(pair[1])}")
            break
        for key in worst:
            arrays = [np.stack(frames[key][0] if key == "coordinates" else frames[key]) for frames in pair]
            if arrays[0].dtype != arrays[1].dtype or arrays[0].shape != arrays[1].shape:
                notes.append(
                    f"{key}: dlcx {arrays[0].dtype} {arrays[0].shape}, DeepLabCut {arrays[1].dtype} {arrays[1].shape}"
                )
            worst[key] = max(worst[key], largest(*arrays))
    return [
        Check(where, f"{what}: structure", ok=not notes, note="; ".join(notes[:3])),
        measured(where, f"{what}: coordinates", worst["coordinates"], KEYPOINT_LIMIT, "px"),
        measured(where, f"{what}: confidence", worst["confidence"], LIKELIHOOD_LIMIT),
    ]


def meta_pickles(where: str, what: str, ours: Path, theirs: Path) -> list[Check]:
    """Same keys; same values but for times and the configuration, which DeepLabCut stores as objects of its own."""
    mine, other = load_plain_pickle(ours)["data"], load_plain_pickle(theirs)["data"]
    notes = []
    if set(mine) != set(other):
        notes.append(key_difference(mine, other))
    free = {"start", "stop", "run_duration", "pytorch-config"}
    notes += [
        f"{key}: dlcx {mine[key]!r}, DeepLabCut {other[key]!r}"
        for key in other
        if key in mine and key not in free and str(mine[key]) != str(other[key])
    ]
    return [Check(where, what, ok=not notes, note="; ".join(notes[:3]))]


def key_difference(ours: dict, theirs: dict) -> str:
    """The keys that only one has."""
    only = [
        f"only {name} {sorted(a.keys() - b.keys())}"
        for name, a, b in (("dlcx", ours, theirs), ("DeepLabCut", theirs, ours))
    ]
    return f"keys: {', '.join(only) if ours.keys() != theirs.keys() else 'order'}"


def continued_curve(where: str, path: Path, epochs: int) -> Check:
    """learning_stats.csv goes on after the epochs of the other tool."""
    steps = [int(float(line.split(",")[0])) for line in path.read_text().splitlines()[1:]]
    return Check(where, "learning_stats.csv goes on", ok=set(steps) == set(range(1, epochs + 1)), note=f"steps {steps}")


def datasets(net: str, made_by_dlcx: Path, made_by_deeplabcut: Path) -> list[Check]:
    """The training sets that both tools made of the same labels and the same split."""
    where = f"{net}, the two datasets"
    roots = [next(iter(folder.iterdir()), folder) for folder in (made_by_dlcx, made_by_deeplabcut)]
    checks: list[Check] = []
    for pattern, what, function in (
        ("training-datasets/*/*/CollectedData_*.h5", "merged labels h5", tables_without_likelihood),
        ("training-datasets/*/*/CollectedData_*.csv", "merged labels csv", same_text),
        ("training-datasets/*/*/Documentation_data-*.pickle", "documentation pickle", documentation),
        ("training-datasets/*/*/metadata.yaml", "metadata.yaml", same_yaml),
        ("dlc-models-pytorch/*/*/test/pose_cfg.yaml", "pose_cfg.yaml", same_yaml),
        ("dlc-models-pytorch/*/*/train/pytorch_config.yaml", "pytorch_config.yaml", same_yaml),
    ):
        pair = matching(*roots, pattern)
        checks += compared(where, what, function, *pair, roots) if pair else [missing(where, what, pattern)]
    return checks


def tables_without_likelihood(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Two label tables."""
    frames = [pd.read_hdf(path) for path in (ours, theirs)]
    difference = structure_difference(*frames)
    worst = largest(*(frame.to_numpy(float) for frame in frames))
    return [
        Check(where, f"{what}: structure", ok=not difference, note=difference),
        measured(where, what, worst, 0, "px"),
    ]


def same_text(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Two text files, byte for byte."""
    return [Check(where, what, ok=ours.read_text() == theirs.read_text())]


def documentation(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """The split and the training rows."""
    mine, other = load_plain_pickle(ours), load_plain_pickle(theirs)
    notes = [
        f"{name}: dlcx {list(mine[place])}, DeepLabCut {list(other[place])}"
        for place, name in ((1, "train"), (2, "test"))
        if list(mine[place]) != list(other[place])
    ]
    if mine[3] != other[3]:
        notes.append(f"fraction: dlcx {mine[3]}, DeepLabCut {other[3]}")
    for row, (a, b) in enumerate(zip(mine[0], other[0], strict=True)):
        if (
            a["image"] != b["image"]
            or list(a["size"]) != list(b["size"])
            or not np.array_equal(a["joints"], b["joints"])
        ):
            notes.append(f"training row {row}: dlcx {a}, DeepLabCut {b}")
            break
    return [Check(where, what, ok=not notes, note="; ".join(notes))]


def same_yaml(where: str, what: str, ours: Path, theirs: Path, roots) -> list[Check]:
    """Two YAML files: same keys in the same order, same values but for the folder and DeepLabCut's seedless extras."""
    mine, other = (flat(read_yaml(path), str(root)) for path, root in zip((ours, theirs), roots, strict=True))
    notes = []
    if list(mine) != list(other):
        notes.append(key_difference(mine, other))
    notes += [
        f"{key}: dlcx {mine[key]!r}, DeepLabCut {other[key]!r}"
        for key in other
        if key in mine and mine[key] != other[key]
    ]
    return [Check(where, what, ok=not notes, note="; ".join(notes[:4]))]


def flat(value: object, root: str, prefix: str = "") -> dict[str, object]:
    """A nested mapping as dotted keys; the project's own folder becomes PROJECT."""
    if isinstance(value, dict):
        return {
            key: leaf for name, inner in value.items() for key, leaf in flat(inner, root, f"{prefix}.{name}").items()
        }
    if isinstance(value, str):
        value = value.replace(str(Path(root).resolve()), "PROJECT").replace(root, "PROJECT")
    return {prefix.lstrip("."): value}
