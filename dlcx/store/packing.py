"""Conversion of the predictions of many frames to a few flat arrays and back, without loss.

``<kind>.count`` (T,) is the number of instances in each frame.  The instances of all frames are concatenated in
``<kind>.xy`` (sum N, K, 2), ``<kind>.score`` (sum N, K) and those of ``box``, ``box_score``, ``affinity``, ``identity``
and ``track`` that the network predicts.  ``<kind>`` is ``animals`` or ``unique``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dlcx.poses import Instances, Prediction

FIELDS = ("xy", "score", "box", "box_score", "affinity", "identity", "track")


def pack(predictions: Sequence[Prediction]) -> dict[str, np.ndarray]:
    """Convert the predictions of at least one frame to flat arrays."""
    packed = _pack("animals", [prediction.animals for prediction in predictions])
    uniques = [prediction.unique for prediction in predictions]
    if known := [unique for unique in uniques if unique is not None]:
        none = Instances.empty(known[0].xy.shape[1])
        packed |= _pack("unique", [none if unique is None else unique for unique in uniques])
    return packed


def unpack(arrays: Mapping[str, np.ndarray]) -> list[Prediction]:
    """Convert flat arrays back to one prediction per frame."""
    animals = _unpack("animals", arrays)
    if "unique.count" not in arrays:
        return [Prediction(one) for one in animals]
    return [
        Prediction(one, unique if len(unique) else None)
        for one, unique in zip(animals, _unpack("unique", arrays), strict=True)
    ]


def _pack(kind: str, frames: Sequence[Instances]) -> dict[str, np.ndarray]:
    packed = {f"{kind}.count": np.array([len(one) for one in frames])}
    for name in FIELDS:
        values = [value for one in frames if (value := getattr(one, name)) is not None]
        if values:  # a frame without animals may lack fields that the other frames have
            packed[f"{kind}.{name}"] = np.concatenate([value for value in values if len(value)] or values[:1])
    return packed


def _unpack(kind: str, arrays: Mapping[str, np.ndarray]) -> list[Instances]:
    ends = np.cumsum(arrays[f"{kind}.count"])[:-1]
    columns = {name: np.split(arrays[f"{kind}.{name}"], ends) for name in FIELDS if f"{kind}.{name}" in arrays}
    return [Instances(**dict(zip(columns, values, strict=True))) for values in zip(*columns.values(), strict=True)]
