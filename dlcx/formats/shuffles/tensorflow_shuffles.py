"""Shuffles that DeepLabCut made for its TensorFlow engine: their labels and splits are of use, their weights are not.

::

    dlc-models/iteration-<I>/<task><date>-trainset<TF>shuffle<S>/train/pose_cfg.yaml    net_type: resnet_50
    training-datasets/iteration-<I>/.../Documentation_data-<task>_<TF>shuffle<S>.pickle the split
    training-datasets/iteration-<I>/.../metadata.yaml                                   engine: tensorflow

DeepLabCut 2 writes no metadata.yaml, and a project may have been copied without the networks, so each of the three is
enough.  A shuffle with a pytorch_config.yaml is PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml
from dlcx.formats.shuffles.metadata import read_metadata
from dlcx.project import Project, Shuffle


def tensorflow_shuffles(project: Project) -> list[Shuffle]:
    """The TensorFlow shuffles of this iteration by fraction and number, also of fractions that config.yaml lacks."""
    fractions = {int(100 * fraction): fraction for fraction in reversed(project.train_fractions)}
    entries = _entries(project)
    known = {
        (int(100 * entry["train_fraction"]), int(entry["index"])): float(entry["train_fraction"])
        for entry in entries.values()
        if "train_fraction" in entry and "index" in entry
    }
    places = {(percent, number) for number, percents in project.used_numbers().items() for percent in percents}
    every = [
        Shuffle(project, number, fractions.get(percent, known.get((percent, number), _fraction(percent))))
        for percent, number in {*places, *known}
    ]
    found = [shuffle for shuffle in every if _is_tensorflow(shuffle, entries.get(shuffle.name, {}).get("engine"))]
    return sorted(found, key=lambda shuffle: (shuffle.fraction, shuffle.number))


def is_tensorflow(shuffle: Shuffle) -> bool:
    """Whether a shuffle exists for DeepLabCut's TensorFlow engine only."""
    return _is_tensorflow(shuffle, _entries(shuffle.project).get(shuffle.name, {}).get("engine"))


def tensorflow_net(shuffle: Shuffle) -> str:
    """The name of its network, as ``train/pose_cfg.yaml`` gives it; "?" where the folder is gone."""
    with suppress(DlcxError):
        return str(read_yaml(shuffle.tensorflow_dir / "train" / "pose_cfg.yaml").get("net_type") or "?")
    return "?"


def describe_carry_over(numbers: Sequence[int]) -> list[str]:
    """One line on what a network of PyTorch takes over from TensorFlow shuffles; none without such shuffles."""
    if not numbers:
        return []
    return [
        f"TensorFlow shuffle{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: labels and splits "
        "carry over (create-dataset --from-shuffle N takes the split), weights do not"
    ]


def refuse_tensorflow(shuffle: Shuffle, *, also: str = "") -> None:
    """Refuse a shuffle that has no network of PyTorch; ``also`` is another way out.

    Raises
    ------
    DlcxError
        When it is a TensorFlow shuffle; the hint names the shuffles that can be used.
    """
    if not is_tensorflow(shuffle):
        return
    project = shuffle.project
    usable = [one for one in project.shuffles() if one.model_config_path.is_file()]
    ways = [f"Name a PyTorch shuffle: {' or '.join(' '.join(one.flags or ('--shuffle', '1')) for one in usable)}."]
    if not usable:
        ways = ["Run `dlcx create-dataset` for a new shuffle with the same labels."]
    raise DlcxError(
        f"shuffle {shuffle.number} ({shuffle.name}) was made for DeepLabCut's TensorFlow engine; "
        "its weights cannot be used",
        hint=" ".join([*ways, *([also] if also else [])]),
    )


def next_free_number(project: Project) -> int:
    """The number after the highest one of any engine and training fraction, as DeepLabCut counts; 1 for the first."""
    numbers = [*project.used_numbers(), *(shuffle.number for shuffle in tensorflow_shuffles(project))]
    return max(numbers, default=0) + 1


def _is_tensorflow(shuffle: Shuffle, engine: str | None) -> bool:
    if shuffle.model_config_path.is_file():
        return False
    if shuffle.tensorflow_dir.is_dir() or engine == "tensorflow":
        return True
    return engine is None and not shuffle.model_dir.is_dir() and shuffle.documentation_path.is_file()


def _entries(project: Project) -> dict[str, dict[str, Any]]:
    """metadata.yaml, or nothing where it cannot be read: the folders then say enough."""
    try:
        return read_metadata(project)
    except DlcxError:
        return {}


def _fraction(percent: int) -> float:
    """A fraction that file names show as ``percent``; they truncate, and 0.29 alone would become 28."""
    fraction = percent / 100
    return fraction if int(100 * fraction) == percent else math.nextafter(fraction, 1)
