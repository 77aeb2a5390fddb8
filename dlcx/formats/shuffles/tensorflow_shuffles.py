"""Shuffles of DeepLabCut's TensorFlow engine: dlcx can use their labels and splits, but not their weights.

::

    dlc-models/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/train/pose_cfg.yaml    net_type: resnet_50
    training-datasets/iteration-<I>/.../Documentation_data-<task>_<TF>shuffle<S>.pickle the split
    training-datasets/iteration-<I>/.../metadata.yaml                                   engine: tensorflow

DeepLabCut 2 writes no metadata.yaml, and a project may have been copied without its networks, so any of the three
files identifies such a shuffle.  A shuffle with a pytorch_config.yaml is a PyTorch shuffle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.options.command_line import flags
from dlcx.project import Project, Shuffle


def tensorflow_shuffles(project: Project) -> list[Shuffle]:
    """Return the TensorFlow shuffles of the iteration, sorted by fraction and number.

    They may have fractions that are missing from config.yaml.
    """
    fractions = {int(100 * fraction): fraction for fraction in reversed(project.train_fractions)}
    entries = _entries(project)
    known = {
        (int(100 * entry["train_fraction"]), int(entry["index"])): float(entry["train_fraction"])
        for entry in entries.values()
        if "train_fraction" in entry and "index" in entry
    }
    used = {(percent, number) for number, percents in project.used_numbers().items() for percent in percents}
    every = [
        Shuffle(project, number, fractions.get(percent, known.get((percent, number), _fraction(percent))))
        for percent, number in {*used, *known}
    ]
    found = [shuffle for shuffle in every if _is_tensorflow(shuffle, entries.get(shuffle.name, {}).get("engine"))]
    return sorted(found, key=lambda shuffle: (shuffle.fraction, shuffle.number))


def is_tensorflow(shuffle: Shuffle) -> bool:
    """Return whether a shuffle exists only for DeepLabCut's TensorFlow engine."""
    return _is_tensorflow(shuffle, _entries(shuffle.project).get(shuffle.name, {}).get("engine"))


def tensorflow_net(shuffle: Shuffle) -> str:
    """Return the network in its ``train/pose_cfg.yaml``, or "?" if the file cannot be read."""
    with suppress(DlcxError):
        return str(read_yaml(shuffle.tensorflow_dir / "train" / "pose_cfg.yaml").get("net_type") or "?")
    return "?"


def describe_carry_over(numbers: Sequence[int]) -> list[str]:
    """Return a line on what can be reused from TensorFlow shuffles; empty if there are none."""
    if not numbers:
        return []
    return [
        f"TensorFlow shuffle{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: labels and splits "
        "can be reused (create-dataset --from-shuffle N), weights cannot"
    ]


def _flags(shuffle: Shuffle) -> str:
    return " ".join(flags(shuffle.options)) or "--shuffle 1"


def refuse_tensorflow(shuffle: Shuffle, *, also: str = "") -> None:
    """Refuse a TensorFlow shuffle.

    Parameters
    ----------
    shuffle
        The shuffle.
    also
        Text to append to the hint.

    Raises
    ------
    DlcxError
        If it is a TensorFlow shuffle; the hint lists the shuffles that can be used.
    """
    if not is_tensorflow(shuffle):
        return
    project = shuffle.project
    usable = [one for one in project.shuffles() if one.model_config_path.is_file()]
    ways = [f"Name a PyTorch shuffle: {' or '.join(_flags(one) for one in usable)}."]
    if not usable:
        ways = ["Run `dlcx create-dataset` for a new shuffle with the same labels."]
    raise DlcxError(
        f"shuffle {shuffle.number} ({shuffle.name}) was made for DeepLabCut's TensorFlow engine; "
        "its weights cannot be used",
        hint=" ".join([*ways, *([also] if also else [])]),
    )


def next_free_number(project: Project) -> int:
    """Return the number after the highest one of any engine and fraction, as in DeepLabCut; 1 if there is none."""
    numbers = [*project.used_numbers(), *(shuffle.number for shuffle in tensorflow_shuffles(project))]
    return max(numbers, default=0) + 1


def _is_tensorflow(shuffle: Shuffle, engine: str | None) -> bool:
    if shuffle.model_config_path.is_file():
        return False
    if shuffle.tensorflow_dir.is_dir() or engine == "tensorflow":
        return True
    return engine is None and not shuffle.model_dir.is_dir() and shuffle.documentation_path.is_file()


def _entries(project: Project) -> dict[str, dict[str, Any]]:
    """Return the entries of metadata.yaml; empty if it cannot be read, since the folders suffice."""
    try:
        return read_metadata(project)
    except DlcxError:
        return {}


def _fraction(percent: int) -> float:
    """Return a fraction that file names show as ``percent``: they truncate, so that 0.29 would become 28."""
    fraction = percent / 100
    return fraction if int(100 * fraction) == percent else math.nextafter(fraction, 1)
