"""Augmented training images per second on one core."""

from __future__ import annotations

from speed.prepared import TRAINED_ON
from speed.setting import Setting
from speed.table import Row, interleaved


def measure(setting: Setting) -> list[Row]:
    """Return images per second, from the second epoch on."""
    options = {"project": setting.project("training"), "images": 100 if setting.quick else 600}
    measures = {"mine": lambda: setting.dlcx("training_input", **options)}
    if setting.has_deeplabcut:
        measures["theirs"] = lambda: setting.deeplabcut("training_input", **options)
    found = interleaved(setting.rounds, **measures)
    title = f"training input, 640x480 to {TRAINED_ON}x{TRAINED_ON}"
    return [Row(title, "images/s per core", found["mine"], found.get("theirs"), times_deeplabcut=4)]
