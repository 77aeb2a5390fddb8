"""Run DeepLabCut-Live with networks exported by dlcx; called by live.py in its environment.

``live_side.py FOLDER NAME...`` loads FOLDER/NAME.pt, runs it on each frame of FOLDER/NAME.npy, (T, H, W, 3) uint8 RGB,
and saves the poses (T, N, K, 3) as x, y and score, nan for missing animals, to FOLDER/NAME.live.npy.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from dlclive import DLCLive


def main() -> None:
    folder, *names = sys.argv[1:]
    torch.set_num_threads(1)
    for name in names:
        file = Path(folder) / f"{name}.pt"
        config = torch.load(file, weights_only=True)["config"]
        animals = len(config["metadata"]["individuals"])
        boxes = {"bbox_cutoff": 0.01, "max_detections": animals} if config["method"] == "td" else None
        live = DLCLive(
            str(file),
            model_type="pytorch",
            device="cpu",
            single_animal=False,
            convert2rgb=False,
            top_down_config=boxes,
        )
        frames = np.load(file.with_suffix(".npy"))
        found = [live.init_inference(frames[0]), *map(live.get_pose, frames[1:])]
        poses = np.full((len(frames), animals, len(config["metadata"]["bodyparts"]), 3), np.nan)
        for row, pose in zip(poses, found, strict=True):
            row[: len(pose)] = pose[..., :3]  # networks with part-affinity fields return two additional columns
        poses[(poses == -1).all((2, 3))] = np.nan  # and -1 for missing animals
        np.save(file.with_suffix(".live.npy"), poses)


if __name__ == "__main__":
    main()
