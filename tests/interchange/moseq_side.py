"""Read files of dlcx with keypoint-moseq; called by consumers.py in its environment.

``moseq_side.py OUT.npz FILE...`` loads the FILEs and saves the arrays, named by file and animal.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keypoint_moseq
import numpy as np


def main() -> None:
    out, *files = map(Path, sys.argv[1:])
    arrays = {}
    for file in files:
        kind = "nwb" if file.suffix == ".nwb" else "deeplabcut"
        coordinates, confidences, parts = keypoint_moseq.load_keypoints(
            str(file), kind, extension=file.suffix.removeprefix(".")
        )
        for name, xy in coordinates.items():
            arrays[f"{file.name} {name} coordinates"] = xy
            arrays[f"{file.name} {name} confidences"] = confidences[name]
            arrays[f"{file.name} {name} bodyparts"] = np.array(list(parts))
            arrays[f"{file.name} {name} ordered"] = np.array(not isinstance(parts, set))
    np.savez(out, **arrays)


if __name__ == "__main__":
    main()
