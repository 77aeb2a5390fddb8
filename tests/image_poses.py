"""Poses in images against those that DeepLabCut found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd


def same_poses(h5: Path, theirs: Path) -> None:
    """Rows, columns and numbers of DeepLabCut's csv, whose rows are paths that are scrubbed."""
    poses = pd.read_hdf(h5, "predictions")
    expected = pd.read_csv(theirs, header=[0, 1, 2, 3], index_col=0)
    expected = expected.loc[
        [next(row for row in expected.index if row.endswith(Path(path).name)) for path in poses.index]
    ]
    assert poses.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert poses.columns.tolist() == expected.columns.tolist()
    assert poses.dtypes.unique().tolist() == [np.float32]
    likely = poses.columns.get_level_values("coords") == "likelihood"
    np.testing.assert_allclose(poses.loc[:, ~likely], expected.loc[:, ~likely], rtol=0, atol=0.01)
    np.testing.assert_allclose(poses.loc[:, likely], expected.loc[:, likely], rtol=0, atol=1e-4)
