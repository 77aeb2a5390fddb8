"""Compare the results of both programs for the same snapshot: evaluation, analysis and configuration."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cases import Case
from checks import (
    KEYPOINT_LIMIT,
    LIKELIHOOD_LIMIT,
    TABLE_LIMIT,
    Check,
    compared,
    flat,
    key_difference,
    largest,
    matching,
    measured,
    missing,
    structure_difference,
)

from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.serialization.yaml_files import read_yaml

#: Compared entries of each frame in ``_full.pickle``, with limit and unit.
FULL_LIMITS = {
    "coordinates": (KEYPOINT_LIMIT, "px"),
    "confidence": (LIKELIHOOD_LIMIT, ""),
    "identity": (LIKELIHOOD_LIMIT, ""),
    "bboxes": (KEYPOINT_LIMIT, "px"),
    "bbox_scores": (LIKELIHOOD_LIMIT, ""),
}


def all_results(where: str, case: Case, ours: Path, theirs: Path) -> list[Check]:
    """Compare the evaluation and analysis of a project by dlcx and by DeepLabCut."""
    checks = [same_listing(where, ours, theirs)]
    evaluation = f"evaluation-results-pytorch/*/*shuffle{case.shuffle}"
    analysis = f"videos/clipDLC*shuffle{case.shuffle}_*snapshot_*[0-9]"
    animals = 2 if case.any_order else None
    # DeepLabCut also counts the identities of animals that were not found.
    skipped = "id_head_" if any(absent_animals(path) for path in theirs.glob(f"{evaluation}/*.h5")) else "none"
    assemblies = [(f"{analysis}_assemblies.pickle", "assemblies pickle", assembly_pickles, (case.any_order,))]
    for pattern, what, function, arguments in (
        (f"{evaluation}/*.h5", "evaluation h5", tables, (animals,)),
        (f"{analysis}.h5", "analysis h5", tables, (animals,)),
        (f"{evaluation}/*[0-9]-results.csv", "results csv", csvs, (1, None, skipped)),
        (f"{evaluation}/*-keypoint-results.csv", "keypoint-results csv", csvs, (1,)),
        (
            "evaluation-results-pytorch/*/CombinedEvaluation-results.csv",
            "combined results csv",
            csvs,
            (1, None, skipped),
        ),
        (f"{analysis}.csv", "analysis csv", csvs, (4 if case.several else 3, animals)),
        (f"{analysis}_full.pickle", "full pickle", full_pickles, (case.any_order,)),
        (f"{analysis}_meta.pickle", "meta pickle", meta_pickles, ()),
        *(assemblies if case.several else ()),
    ):
        pair = matching(ours, theirs, pattern)
        checks += compared(where, what, function, *pair, *arguments) if pair else [missing(where, what, pattern)]
    return checks


def absent_animals(path: Path) -> bool:
    """Whether a predictions table contains animals that were not found."""
    return bool((pd.read_hdf(path) == -1).to_numpy().any())


def config_left_alone(where: str, made: Path, judged: Path) -> Check:
    """Check that pytorch_config.yaml is unchanged in ``judged``, where the other program has used it."""
    name, root = "pytorch_config.yaml", str(made.parents[3])
    before, after = (
        flat(json.loads(json.dumps(read_yaml(folder / name)).replace(str(judged.parents[3]), root)), root)
        for folder in (made, judged)
    )
    changed = [key for key in before | after if before.get(key) != after.get(key)]
    notes = [f"{key}: {before.get(key)!r} became {after.get(key)!r}" for key in changed]
    return Check(where, f"{name} is unchanged", ok=not notes, note="; ".join(notes[:4]))


def same_listing(where: str, ours: Path, theirs: Path) -> Check:
    """Check that dlcx writes every file that DeepLabCut writes, with the same name."""

    def names(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    lost = sorted(names(theirs) - names(ours))
    return Check(where, "same files", ok=not lost, note=f"only by DeepLabCut: {', '.join(lost)}" if lost else "")


def in_order(ours: np.ndarray, theirs: np.ndarray, animals: int) -> np.ndarray:
    """Return the rows of ``ours`` with the animals in the order of ``theirs``."""
    if ours.shape != theirs.shape:
        return ours
    mine, other = (values.reshape(len(values), animals, -1) for values in (ours, theirs))
    return np.stack([a[animal_order(a, b)] for a, b in zip(mine, other, strict=True)]).reshape(ours.shape)


def table_values(
    where: str, what: str, ours: pd.DataFrame, theirs: pd.DataFrame, animals: int | None = None
) -> list[Check]:
    """Compare structure, keypoints and likelihoods of two predictions tables; ``animals`` may be in any order."""
    difference = structure_difference(ours, theirs)
    checks = [Check(where, f"{what}: structure", ok=not difference, note=difference)]
    coords = theirs.columns.get_level_values(-1)
    score = np.asarray(coords == "likelihood")
    mine, other = ours.to_numpy(float), theirs.to_numpy(float)
    if mine.shape != other.shape:
        return checks
    if animals:
        mine = in_order(mine, other, animals)
    keypoints = largest(mine[:, ~score], other[:, ~score])
    likelihood = largest(mine[:, score], other[:, score])
    return [
        *checks,
        measured(where, f"{what}: keypoints", keypoints, KEYPOINT_LIMIT, "px"),
        measured(where, f"{what}: likelihood", likelihood, LIKELIHOOD_LIMIT),
    ]


def tables(where: str, what: str, ours: Path, theirs: Path, animals: int | None = None) -> list[Check]:
    """Compare two predictions h5 files, including key and storage format; ``animals`` may be in any order."""
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
        *table_values(where, what, *frames, animals),
    ]


def csvs(
    where: str,
    what: str,
    ours: Path,
    theirs: Path,
    header_rows: int,
    animals: int | None = None,
    skipped: str = "none",
) -> list[Check]:
    """Compare the header, the first column and all numbers (to two decimals) of two csv files.

    ``animals`` may be in any order, as in :func:`tables`.  Columns whose name contains ``skipped`` are ignored.
    """
    grids = [[line.split(",") for line in path.read_text().splitlines()] for path in (ours, theirs)]
    heads = [grid[:header_rows] for grid in grids]
    firsts = [[row[0] for row in grid] for grid in grids]
    same = heads[0] == heads[1] and firsts[0] == firsts[1]
    note = "" if same else f"dlcx {str(heads[0])[:150]}, DeepLabCut {str(heads[1])[:150]}"
    kept = [column for column, name in enumerate(grids[1][0]) if column and skipped not in name]
    bodies = [[[float(row[column] or "nan") for column in kept] for row in grid[header_rows:]] for grid in grids]
    mine, other = (np.array(body, float) for body in bodies)
    if animals:
        mine = in_order(mine, other, animals)
    difference = largest(mine, other)
    return [
        Check(where, f"{what}: text", ok=same, note=note),
        measured(where, f"{what}: numbers", difference, TABLE_LIMIT),
    ]


def animals_first(values: Any) -> np.ndarray:
    """Return boxes (N, 4) unchanged, and a list (or tuple of it) of (N, n) per bodypart as (N, K, n)."""
    if isinstance(values, tuple):
        (values,) = values
    return np.stack(values, 1) if isinstance(values, list) else np.array(values)


def animal_order(ours: np.ndarray, theirs: np.ndarray) -> list[int]:
    """Return the order of ``ours`` (N, K, n) in which its animals are nearest to those of ``theirs``."""
    orders = map(list, permutations(range(len(theirs))))
    return min(orders, key=lambda order: np.nansum(np.abs(ours[order] - theirs)))


def full_pickles(where: str, what: str, ours: Path, theirs: Path, any_order: bool = False) -> list[Check]:
    """Compare keys, shapes, types and values of the detections of every frame."""
    mine, other = load_plain_pickle(ours), load_plain_pickle(theirs)
    notes = []
    if list(mine) != list(other):
        notes.append(f"keys: dlcx {list(mine)[:3]}, DeepLabCut {list(other)[:3]}")
    if {k: type(v).__name__ for k, v in mine["metadata"].items()} != {
        k: type(v).__name__ for k, v in other["metadata"].items()
    }:
        notes.append(f"metadata: dlcx {mine['metadata']}, DeepLabCut {other['metadata']}")
    worst: dict[str, float] = {}
    for frame in other.keys() - {"metadata"}:
        pair = mine.get(frame, {}), other[frame]
        if set(pair[0]) != set(pair[1]):
            notes.append(f"{frame}: dlcx {sorted(pair[0])}, DeepLabCut {sorted(pair[1])}")
            break
        found = [{key: animals_first(values[key]) for key in FULL_LIMITS if key in values} for values in pair]
        kinds = [{key: (array.dtype.kind, array.shape) for key, array in arrays.items()} for arrays in found]
        if kinds[0] != kinds[1]:
            notes.append(f"{frame}: dlcx {kinds[0]}, DeepLabCut {kinds[1]}")
            continue
        if any_order:
            order = animal_order(found[0]["coordinates"], found[1]["coordinates"])
            found[0] = {key: array[order] for key, array in found[0].items()}
        if "identity" in found[1]:  # DeepLabCut has identity scores for missing animals
            absent = found[1]["confidence"][..., 0] < 0
            for arrays in found:
                arrays["identity"][absent] = 0
        for key in found[1]:
            worst[key] = max(worst.get(key, 0), largest(found[0][key], found[1][key]))
    return [
        Check(where, f"{what}: structure", ok=not notes, note="; ".join(notes[:3])),
        *(measured(where, f"{what}: {key}", worst[key], *FULL_LIMITS[key]) for key in FULL_LIMITS if key in worst),
    ]


def assembly_pickles(where: str, what: str, ours: Path, theirs: Path, any_order: bool = False) -> list[Check]:
    """Compare the animals of every frame: their number, poses and identities."""
    mine, other = load_plain_pickle(ours), load_plain_pickle(theirs)
    notes = [] if list(mine) == list(other) else [key_difference(mine, other)]
    worst = {"keypoints": 0.0, "scores": 0.0, "identities": 0.0}
    animals = 0
    for frame in other.keys() - {"single"}:
        a, b = mine[frame], other[frame]
        b = b[~(b[..., :3] < 0).all((-2, -1))]  # missing animals, which DeepLabCut keeps if they have an identity
        animals += len(b)
        if a.dtype != b.dtype or a.shape != b.shape:
            notes.append(f"frame {frame}: dlcx {a.dtype} {a.shape}, DeepLabCut {b.dtype} {b.shape}")
            continue
        if any_order:
            a = a[animal_order(a[..., :3], b[..., :3])]
        for name, part in (("keypoints", slice(2)), ("scores", slice(2, 3)), ("identities", slice(3, 4))):
            worst[name] = max(worst[name], largest(a[..., part], b[..., part]))
    return [
        Check(where, f"{what}: structure", ok=not notes, note="; ".join(notes[:3])),
        Check(where, f"{what}: holds animals", ok=animals > 0, note=f"{animals} in {len(other) - 1} frames"),
        measured(where, f"{what}: keypoints", worst["keypoints"], KEYPOINT_LIMIT, "px"),
        measured(where, f"{what}: scores", worst["scores"], LIKELIHOOD_LIMIT),
        measured(where, f"{what}: identities", worst["identities"], 0),
    ]


def meta_pickles(where: str, what: str, ours: Path, theirs: Path) -> list[Check]:
    """Compare keys and values, except times and the configuration, which DeepLabCut saves as its own objects."""
    mine = load_plain_pickle(ours)["data"]
    other = load_plain_pickle(theirs, foreign=True)["data"]
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
