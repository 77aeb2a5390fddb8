"""Bones: a round trip through the h5, and the lines of the csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.pose_tables import read_origin
from dlcx.formats.predictions.skeleton import read_skeleton, write_skeleton

VALUES = np.array([[[38.5, 119.25, 0.5], [1, 2, 3]], [[np.nan, np.nan, 0.1], [4, 5, 6]]])


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "v_skeleton.h5"
    write_skeleton(["ann_snout_back", "ann_back_tail"], VALUES, path, first=7, origin="poses")
    bones, values = read_skeleton(path)
    assert bones == ("ann_snout_back", "ann_back_tail")
    np.testing.assert_array_equal(values, VALUES)
    assert pd.read_hdf(path).index.tolist() == [7, 8]
    assert read_origin(path) == "poses"
    lines = path.with_suffix(".csv").read_text().splitlines()
    assert lines[1] == ",length,orientation,likelihood,length,orientation,likelihood"
    assert lines[-1] == "8,,,0.1,4.0,5.0,6.0"


def test_without_a_csv(tmp_path: Path) -> None:
    write_skeleton(["a"], VALUES[:, :1], tmp_path / "v.h5", csv=False)
    assert [path.name for path in tmp_path.iterdir()] == ["v.h5"]
    with pytest.raises(DlcxError, match="no such file"):
        read_skeleton(tmp_path / "w.h5")
