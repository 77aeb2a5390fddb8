"""``test/inference_cfg.yaml``: how DeepLabCut 3.0.2 assembles and tracks the animals of a shuffle.

::

    pcutoff: 0.1            keypoints less certain are not linked
    boundingboxslack: 0     pixels around the keypoints, for the tracker of boxes
    iou_threshold: 0.6      least likeness of an animal and what a tracker expects
    max_age: 1              frames that a tracker outlives its animal
    min_hits: 1             frames in which an animal must be seen before it is told of
    withid: false ...       what linking does not need
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml


@dataclass(frozen=True)
class InferenceSettings:
    """What the file says of tracking."""

    pcutoff: float = 0.1
    boundingboxslack: float = 0.0
    iou_threshold: float = 0.6
    max_age: int = 1
    min_hits: int = 1


def read_inference_cfg(path: Path) -> InferenceSettings:
    """The file's settings of tracking; DeepLabCut's defaults where the file or a key is missing.

    Raises
    ------
    DlcxError
        When a value is no number, or a negative one.
    """
    given = read_yaml(path) if path.is_file() else {}
    values = {}
    for item in fields(InferenceSettings):
        value = given.get(item.name)
        if value is None:
            continue
        kind: type = float if item.type == "float" else int
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
        if not number or kind(value) != value:
            raise DlcxError(
                f"{path}: {item.name}: expected a number of kind {kind.__name__}, 0 or more, got {value!r:.60}"
            )
        values[item.name] = kind(value)
    return InferenceSettings(**values)
