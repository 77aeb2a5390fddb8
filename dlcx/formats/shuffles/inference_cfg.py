"""``test/inference_cfg.yaml``: DeepLabCut's settings for assembling and tracking the animals of a shuffle.

::

    pcutoff: 0.1            minimum likelihood of the keypoints used for tracking
    boundingboxslack: 0     margin of the box around the keypoints in pixels, for the box tracker
    iou_threshold: 0.6      minimum similarity of a detection and the prediction of a track
    max_age: 1              frames a track is kept after the animal was last seen
    min_hits: 1             frames in which an animal must be seen before its track starts
    withid: false ...       settings that tracking does not use

Format: DeepLabCut 3.0.2.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml


@dataclass(frozen=True)
class InferenceSettings:
    """The settings of tracking in the file."""

    pcutoff: float = 0.1
    boundingboxslack: float = 0.0
    iou_threshold: float = 0.6
    max_age: int = 1
    min_hits: int = 1


def read_inference_cfg(path: Path) -> InferenceSettings:
    """Read the settings of tracking; a missing file or key means DeepLabCut's default.

    Raises
    ------
    DlcxError
        If a value is not a number or is negative.
    """
    content = read_yaml(path) if path.is_file() else {}
    values = {}
    for item in fields(InferenceSettings):
        value = content.get(item.name)
        if value is None:
            continue
        kind: type = float if item.type == "float" else int
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
        if not number or kind(value) != value:
            raise DlcxError(
                f"{path}: {item.name}: expected a number ({kind.__name__}) of at least 0, got {value!r:.60}"
            )
        values[item.name] = kind(value)
    return InferenceSettings(**values)
