"""Seconds per training step, including the input."""

from __future__ import annotations

from pathlib import Path

from speed.prepared import TRAINED_ON, TRAINING_IMAGES
from speed.setting import Setting
from speed.table import Row, interleaved

BATCH = 8
FEW, MORE = 1, 4
#: CPU flags in /proc/cpuinfo that indicate bfloat16 multiplication.
BF16 = ("avx512_bf16", "amx_bf16", " bf16 ")


def measure(setting: Setting) -> list[Row]:
    """Return seconds per step with the same network, batch size and images."""
    project = setting.project("training")

    def step(train, **more) -> float:
        few, many = (train("train", project=project, epochs=epochs, batch_size=BATCH, **more) for epochs in (FEW, MORE))
        return (many - few) / ((MORE - FEW) * steps)

    steps = TRAINING_IMAGES // BATCH
    measures = {"fp32": lambda: step(setting.dlcx)}
    if has_bf16():
        measures["bf16"] = lambda: step(setting.dlcx, precision="bf16")
    if setting.has_deeplabcut:
        measures["theirs"] = lambda: step(setting.deeplabcut)
    found = interleaved(1 if setting.quick else setting.rounds, **measures)
    title = f"training step, resnet_50, batch {BATCH} of {TRAINED_ON}x{TRAINED_ON}"
    less = {"times_deeplabcut": 1, "more_is_better": False}
    rows = [Row(title, "s", found["fp32"], found.get("theirs"), **less)]
    if "bf16" in found:
        rows.append(Row(f"{title}, --precision bf16", "s", found["bf16"], found.get("theirs"), **less))
    return rows


def has_bf16() -> bool:
    """Whether the CPU supports bfloat16 multiplication, which torch then uses."""
    cpu_info = Path("/proc/cpuinfo")
    return cpu_info.is_file() and any(flag in cpu_info.read_text() for flag in BF16)
