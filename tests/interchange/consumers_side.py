"""Read files of dlcx with movement and sleap-io; called by consumers.py in their environment.

``consumers_side.py PROJECT OUT.npz FILE...`` loads the predictions FILEs with movement and the project with sleap-io
and saves the arrays, named by program and file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sleap_io
from movement.io import load_poses


def labels(loaded) -> np.ndarray:
    """Return the keypoints (frames, animals, nodes, 2) of sleap-io's labels, in file order."""
    return np.stack([np.stack([instance.numpy() for instance in frame.instances]) for frame in loaded])


def main() -> None:
    project, out, *files = map(Path, sys.argv[1:])
    arrays = {}
    for file in files:
        load = load_poses.from_nwb_file if file.suffix == ".nwb" else load_poses.from_dlc_file
        loaded = load(file)
        for name in ("position", "confidence"):
            axes = ("time", "individuals", "keypoints", *(["space"] if name == "position" else []))
            arrays[f"movement {file.name} {name}"] = loaded[name].transpose(*axes).values
        arrays[f"movement {file.name} keypoints"] = loaded.coords["keypoints"].values
    (csv,) = project.glob("labeled-data/*/CollectedData_*.csv")
    arrays["sleap-io labels csv"] = labels(sleap_io.load_file(str(csv)))
    splits = sleap_io.load_dlc_splits(str(project / "config.yaml"), shuffle=1)
    for name in ("train", "test"):
        arrays[f"sleap-io {name} split"] = labels(splits[name])
    np.savez(out, **arrays)


if __name__ == "__main__":
    main()
