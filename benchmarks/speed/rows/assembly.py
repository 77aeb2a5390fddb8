"""Assembly and tracking of real detections of three mice (benchmarks/tracking.py)."""

from __future__ import annotations

import tracking

from speed.setting import Setting, Unavailable
from speed.table import Row

FRAMES = 10_000


def measure(setting: Setting) -> list[Row]:
    """Return milliseconds per frame of a single round, which takes minutes."""
    real = setting.projects.parent / "fixtures" / "dlc-tests"
    if not (real / "trimouse_full.pickle").is_file():
        raise Unavailable(f"missing detections: {real / 'trimouse_full.pickle'}")
    frames = 500 if setting.quick else FRAMES
    python = setting.python if setting.has_deeplabcut else None
    found = tracking.timed(real, setting.folder / "assembly", python, frames)
    names = {"assembling": "assemble animals", "tracking": "track", "both": "both"}
    return [
        Row(
            f"{names[name]}, 3 mice x 12 bodyparts, {frames} frames",
            "ms/frame",
            1e3 * mine / frames,
            None if theirs is None else 1e3 * theirs / frames,
            times_deeplabcut=5 if name == "both" else None,
            more_is_better=False,
        )
        for name, (mine, theirs) in found.items()
    ]
