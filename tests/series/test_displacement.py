from __future__ import annotations

import json

import numpy as np
import pytest
from golden_series import NAMES, POST, poses

from dlcx.series import squared_displacements


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("epsilon", [5, 20])
def test_jumps(name, epsilon):
    expected = json.loads((POST / "outliers.json").read_text())[f"jump_{epsilon}.{name}"]
    steps = squared_displacements(poses(name)[0])
    assert np.flatnonzero((steps > epsilon**2).any(1)).tolist() == expected


def test_unseen_points_have_no_displacement():
    xy = np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan], [3.0, 4.0]])
    np.testing.assert_array_equal(squared_displacements(xy), [np.nan, 25, np.nan, np.nan])
