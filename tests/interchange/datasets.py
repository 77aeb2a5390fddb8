"""Compare the training set, the configuration and the tensors that both programs create from the same labels."""

from __future__ import annotations

import operator
from pathlib import Path

import numpy as np
import pandas as pd
from cases import Case
from checks import Check, compared, flat, key_difference, largest, matching, measured, missing, structure_difference

from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.weights.snapshot import read_snapshot


def same_datasets(name: str, case: Case, by_dlcx: Path, by_deeplabcut: Path) -> list[Check]:
    """Compare the datasets that both programs created from the same labels and split."""
    where = f"{name}, as made by both"
    roots = (by_dlcx, by_deeplabcut)
    model = f"dlc-models-pytorch/*/*shuffle{case.shuffle}"
    snapshots = f"-{case.epochs if case.trained else 1:03d}.pt"
    checks: list[Check] = []
    for pattern, what, function in (
        ("training-datasets/*/*/CollectedData_*.h5", "merged labels h5", tables_without_likelihood),
        ("training-datasets/*/*/CollectedData_*.csv", "merged labels csv", same_text),
        (f"training-datasets/*/*/Documentation_data-*shuffle{case.shuffle}.pickle", "documentation", documentation),
        ("training-datasets/*/*/metadata.yaml", "metadata.yaml", same_yaml),
        (f"{model}/test/pose_cfg.yaml", "pose_cfg.yaml", same_yaml),
        *([(f"{model}/test/inference_cfg.yaml", "inference_cfg.yaml", same_yaml)] if case.several else ()),
        (f"{model}/train/pytorch_config.yaml", "pytorch_config.yaml", same_yaml),
        *((f"{model}/train/{prefix}{snapshots}", f"tensors of {prefix}", same_tensors) for prefix in case.prefixes),
    ):
        pair = matching(*roots, pattern)
        checks += compared(where, what, function, *pair, roots) if pair else [missing(where, what, pattern)]
    return checks


def same_tensors(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Compare the tensors of two snapshots: order of names, shapes and types."""
    mine, other = (
        {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in read_snapshot(path).model.items()}
        for path in (ours, theirs)
    )
    notes = [] if list(mine) == list(other) else [key_difference(mine, other)]
    notes += [f"{name}: dlcx {mine[name]}, DeepLabCut {other[name]}" for name in other if mine.get(name) != other[name]]
    return [Check(where, what, ok=not notes, note="; ".join(notes[:3]) or f"{len(other)} tensors")]


def tables_without_likelihood(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Compare two label tables."""
    frames = [pd.read_hdf(path) for path in (ours, theirs)]
    difference = structure_difference(*frames)
    worst = largest(*(frame.to_numpy(float) for frame in frames))
    return [
        Check(where, f"{what}: structure", ok=not difference, note=difference),
        measured(where, what, worst, 0, "px"),
    ]


def same_text(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Compare two text files byte by byte."""
    return [Check(where, what, ok=ours.read_text() == theirs.read_text())]


def documentation(where: str, what: str, ours: Path, theirs: Path, _roots) -> list[Check]:
    """Compare the split and the training rows."""
    mine, other = load_plain_pickle(ours), load_plain_pickle(theirs)
    notes = [
        f"{name}: dlcx {list(mine[place])}, DeepLabCut {list(other[place])}"
        for place, name in ((1, "train"), (2, "test"))
        if list(mine[place]) != list(other[place])
    ]
    if mine[3] != other[3]:
        notes.append(f"fraction: dlcx {mine[3]}, DeepLabCut {other[3]}")
    for row, (a, b) in enumerate(zip(mine[0], other[0], strict=True)):
        if a["image"] != b["image"] or list(a["size"]) != list(b["size"]) or not same_joints(a["joints"], b["joints"]):
            notes.append(f"training row {row}: dlcx {a}, DeepLabCut {b}")
            break
    return [Check(where, what, ok=not notes, note="; ".join(notes))]


def same_joints(ours, theirs) -> bool:
    """Return the labeled points of an image, or of each animal in it."""
    if isinstance(theirs, dict):
        return list(ours) == list(theirs) and all(np.array_equal(ours[animal], theirs[animal]) for animal in theirs)
    return np.array_equal(ours, theirs)


def same_yaml(where: str, what: str, ours: Path, theirs: Path, roots) -> list[Check]:
    """Compare keys and values of two YAML files, except the folder and the edges, which DeepLabCut samples randomly.

    The order of the keys must match too, except for constructor arguments below ``model``.
    """
    mine, other = (flat(read_yaml(path), str(root)) for path, root in zip((ours, theirs), roots, strict=True))
    for values in (mine, other):
        for key in values:
            if key.endswith(".graph"):  # DeepLabCut samples the edges at random, so only their number can agree
                values[key] = f"{len(values[key])} edges"
    notes = []
    ordered = ([key for key in values if not key.startswith("model.")] for values in (mine, other))
    if mine.keys() != other.keys() or operator.ne(*ordered):
        notes.append(key_difference(mine, other))
    notes += [
        f"{key}: dlcx {mine[key]!r}, DeepLabCut {other[key]!r}"
        for key in other
        if key in mine and mine[key] != other[key]
    ]
    return [Check(where, what, ok=not notes, note="; ".join(notes[:4]))]


def continued_curve(where: str, path: Path, epochs: int) -> Check:
    """Check that learning_stats.csv continues after the epochs of the other program."""
    steps = [int(float(line.split(",")[0])) for line in path.read_text().splitlines()[1:]]
    return Check(where, f"{path.name} continues", ok=set(steps) == set(range(1, epochs + 1)), note=f"steps {steps}")
