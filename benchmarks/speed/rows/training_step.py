"""Seconds of a training step, input included: what more epochs cost."""

from __future__ import annotations

from speed.prepared import TRAINED_ON, TRAINING_IMAGES
from speed.setting import Setting
from speed.table import Row, interleaved

BATCH = 8
FEW, MORE = 1, 4


def measure(setting: Setting) -> list[Row]:
    """The same net, batch and images."""
    project = setting.project("training")

    def step(train) -> float:
        few, more = (train("train", project=project, epochs=epochs, batch_size=BATCH) for epochs in (FEW, MORE))
        return (more - few) / ((MORE - FEW) * steps)

    steps = TRAINING_IMAGES // BATCH
    measures = {"mine": lambda: step(setting.dlcx)}
    if setting.has_deeplabcut:
        measures["theirs"] = lambda: step(setting.deeplabcut)
    found = interleaved(1 if setting.quick else setting.rounds, **measures)
    title = f"training step, resnet_50, batch {BATCH} of {TRAINED_ON}x{TRAINED_ON}"
    less = {"times_deeplabcut": 1, "more_is_better": False}
    return [Row(title, "s", found["mine"], found.get("theirs"), **less)]
