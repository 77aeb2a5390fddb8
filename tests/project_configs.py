"""A config.yaml of DeepLabCut 2, with comments and paths of another computer."""

from __future__ import annotations

from pathlib import Path

OLD = """\
    # Project definitions (do not edit)
Task: reaching
scorer: Ann
date: Jan30

    # Project path (change when moving around)
project_path: C:\\Users\\ann\\reaching-Ann-2018-08-30
video_sets:
  C:\\Users\\ann\\reaching-Ann-2018-08-30\\videos\\left paw.avi:
    crop: 0, 832, 0, 747
bodyparts:
- paw
- 2
TrainingFraction: # shares
- 0.95  # the usual one
iteration: 0
default_net_type: resnet_50
snapshotindex: -1
cropping: false
    #if cropping is true for analysis, then set the values here:
x1: 0
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(text)
    return folder / "config.yaml"
