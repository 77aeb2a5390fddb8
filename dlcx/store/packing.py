"""Poses of many frames as a few flat arrays, and back.

``<part>.count`` (T,) instances a frame, and for all instances of all frames in a row ``<part>.xy`` (sum N, K, 2),
``<part>.score`` (sum N, K) and those of ``box``, ``box_score``, ``affinity``, ``identity`` and ``track`` that the net
gives; ``<part>`` is ``animals`` or ``unique``.  Plain numpy arrays, bit for bit what went in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dlcx.poses import Instances, Prediction

FIELDS = ("xy", "score", "box", "box_score", "affinity", "identity", "track")


def pack(predictions: Sequence[Prediction]) -> dict[str, np.ndarray]:
    """Flat arrays of the poses of at least one frame."""
    packed = _pack("animals", [prediction.animals for prediction in predictions])
    uniques = [prediction.unique for prediction in predictions]
    if known := [unique for unique in uniques if unique is not None]:
        none = Instances.empty(known[0].xy.shape[1])
        packed |= _pack("unique", [none if unique is None else unique for unique in uniques])
    return packed


def unpack(arrays: Mapping[str, np.ndarray]) -> list[Prediction]:
    """One prediction a frame."""
    animals = _unpack("animals", arrays)
    if "unique.count" not in arrays:
        return [Prediction(one) for one in animals]
    return [
        Prediction(one, unique if len(unique) else None)
        for one, unique in zip(animals, _unpack("unique", arrays), strict=True)
    ]


def _pack(part: str, found: Sequence[Instances]) -> dict[str, np.ndarray]:
    packed = {f"{part}.count": np.array([len(one) for one in found])}
    for name in FIELDS:
        values = [value for one in found if (value := getattr(one, name)) is not None]
        if values:  # a frame without animals may know less of them than the others
            packed[f"{part}.{name}"] = np.concatenate([value for value in values if len(value)] or values[:1])
    return packed


def _unpack(part: str, arrays: Mapping[str, np.ndarray]) -> list[Instances]:
    ends = np.cumsum(arrays[f"{part}.count"])[:-1]
    columns = {name: np.split(arrays[f"{part}.{name}"], ends) for name in FIELDS if f"{part}.{name}" in arrays}
    return [Instances(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]
