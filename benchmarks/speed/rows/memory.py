"""Peak memory of analyze-video with constant heads, which must not grow with the number of frames."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from speed.setting import Setting
from speed.table import Row, interleaved

FEW, MANY = 1_000, 20_000
#: Allowed difference in MB between many and few frames.
MAX_DIFFERENCE = 50


def measure(setting: Setting) -> list[Row]:
    """Return the difference in MB between 20,000 and 1,000 frames."""
    project, many = setting.project("single"), 2_000 if setting.quick else MANY
    videos = {
        count: synthetic_video(setting.folder / "clips" / f"synthetic-{count}.avi", count) for count in (FEW, many)
    }
    measures = {
        f"of{count}": lambda video=video: setting.dlcx("memory", project=project, video=video)
        for count, video in videos.items()
    }
    found = interleaved(setting.rounds, **measures)
    few, more = found[f"of{FEW}"], found[f"of{many}"]
    note = f"{few:.0f} MB for {FEW} frames, {more:.0f} MB for {many}"
    title = f"peak memory, {many} frames minus {FEW} frames"
    return [Row(title, "MB", more - few, limit=MAX_DIFFERENCE, of_limit=1, more_is_better=False, note=note)]


def synthetic_video(path: Path, frames: int) -> Path:
    """Return a small video of a circling disc."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (96, 96))
        for number in range(frames):
            image = np.full((96, 96, 3), 200, np.uint8)
            angle = number / 30
            cv2.circle(image, (48 + round(30 * np.cos(angle)), 48 + round(30 * np.sin(angle))), 8, (0, 0, 255), -1)
            writer.write(image)
        writer.release()
    return path
