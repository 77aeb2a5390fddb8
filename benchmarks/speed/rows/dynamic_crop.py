"""Dynamic cropping compared with whole frames, with a trained network (benchmarks/dynamic_crop.py)."""

from __future__ import annotations

import dynamic_crop

from speed.setting import OPENFIELD, Setting, Unavailable
from speed.table import Row

EPOCHS, FRAMES = 60, 480


def measure(setting: Setting) -> list[Row]:
    """Return frames per second and the test error; the first run trains a network (twenty minutes on two cores)."""
    source = setting.projects / OPENFIELD
    if not source.is_dir():
        raise Unavailable(f"{source} does not exist")
    epochs, frames = (1, 8) if setting.quick else (EPOCHS, FRAMES)
    found = dynamic_crop.compare(
        source,
        setting.folder / f"dynamic-crop-{epochs}" / source.name,
        epochs=epochs,
        frames=frames,
        rounds=setting.rounds,
    )
    detected = f"mouse detected in {found.detected:.0%} of the frames"
    return [
        Row(
            f"--dynamic-crop, the animal covers {100 * found.covers:.1f} % of the frame",
            "frames/s",
            found.cropped,
            limit=found.whole,
            of_limit=dynamic_crop.GOAL,
            note=f"limit: whole frames; {detected}",
        ),
        Row(
            "--dynamic-crop, error on test images",
            "px",
            found.error_cropped,
            limit=found.error,
            of_limit=1.0,
            more_is_better=False,
            note="limit: whole frames",
        ),
    ]
