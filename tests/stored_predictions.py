"""Predictions with any number of animals, for the tests of the store."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlcx.poses import Instances, Prediction


def prediction(number: int, *, full: bool = False) -> Prediction:
    """Any number of animals, also none."""
    random = np.random.default_rng(number)
    animals = number % 4
    more: dict[str, Any] = {}
    if full:
        more = {
            "box": random.random((animals, 4), np.float32),
            "box_score": random.random(animals, np.float32),
            "affinity": random.random(animals, np.float32),
            "identity": random.random((animals, 3, 2), np.float32),
            "track": random.permutation(animals),
        }
    xy = random.random((animals, 3, 2), np.float32)
    xy[: number % 2] = np.nan
    unique = Instances(random.random((1, 2, 2), np.float32), random.random((1, 2), np.float32))
    seen = Instances(xy, random.random((animals, 3), np.float32), **more)
    return Prediction(seen, unique if full and number % 3 else None)


def assert_same(one: Prediction, other: Prediction) -> None:
    for mine, its in ((one.animals, other.animals), (one.unique, other.unique)):
        assert (mine is None) == (its is None)
        if mine is None or its is None:
            continue
        for name in ("xy", "score", "box", "box_score", "affinity", "identity", "track"):
            a, b = getattr(mine, name), getattr(its, name)
            if len(mine) or name in ("xy", "score"):
                assert (a is None) == (b is None), name
                if a is not None:
                    assert a.dtype == b.dtype
                    np.testing.assert_array_equal(a, b)
