"""Stitch tracklets of dlcx with DeepLabCut, in the environment created by make_env.sh.

``stitch_side.py CONFIG VIDEO`` prints the shape of the tracks and whether they equal the tracks stitched by dlcx in
``<name>_mine.h5``, next to the tracklets.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("DLClight", "True")  # no graphical windows
os.environ.setdefault("MPLBACKEND", "agg")

import deeplabcut
import numpy as np
import pandas as pd


def main() -> None:
    config, video = map(Path, sys.argv[1:])
    (pickle,) = video.parent.glob("*_el.pickle")
    h5 = pickle.with_suffix(".h5")
    mine = pd.read_hdf(h5.rename(h5.with_name(f"{h5.stem}_mine.h5")))
    deeplabcut.stitch_tracklets(str(config), [str(video)], shuffle=1, track_method="ellipse")
    its = pd.read_hdf(h5)
    same = mine.columns.equals(its.columns) and np.allclose(mine.loc[its.index], its, atol=1e-6, equal_nan=True)
    print(f"stitched: {its.shape} {'equal' if same else 'other'}")


if __name__ == "__main__":
    main()
