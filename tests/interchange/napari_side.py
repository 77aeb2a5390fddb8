"""Read labels of dlcx with napari-deeplabcut, without a window; called by consumers.py in its environment.

``napari_side.py OUT.npz FILE.h5...`` loads label files and saves the points of each as rows of frame, x and y, with the
names of bodypart and individual.  The arrays are named by the number of the file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import numpy as np
from napari_deeplabcut._reader import get_hdf_reader


def main() -> None:
    out, *files = map(Path, sys.argv[1:])
    arrays = {}
    for number, file in enumerate(files):
        read = get_hdf_reader(str(file))
        ((data, meta, kind),) = read(str(file))
        assert kind == "points", kind
        properties = meta["properties"]
        arrays[f"{number} points"] = data[:, [0, 2, 1]]
        arrays[f"{number} bodyparts"] = np.array(properties["label"], str)
        arrays[f"{number} individuals"] = np.array(properties["id"], str)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main()
