"""Packing predictions into arrays and back loses nothing."""

from __future__ import annotations

import numpy as np
import pytest
from stored_predictions import assert_same, prediction

from dlcx.poses import Instances, Prediction
from dlcx.store.packing import pack, unpack


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("numbers", [range(12), [0], [4, 8], [1]])
def test_packing_is_exact(numbers: range | list[int], full: bool) -> None:
    predictions = [prediction(number, full=full) for number in numbers]
    for one, other in zip(predictions, unpack(pack(predictions)), strict=True):
        assert_same(one, other)


def test_frames_without_animals_keep_the_fields_of_the_network() -> None:
    nobody = Instances(np.zeros((0, 3, 2)), np.zeros((0, 3)), identity=np.zeros((0, 3, 2)))
    for one in unpack(pack([Prediction(nobody), Prediction(Instances.empty(3))])):
        assert one.animals.identity is not None
        assert one.animals.identity.shape == (0, 3, 2)
