"""Frames per second of analyze-video, compared with the network alone and with DeepLabCut; keypoints must match."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dlcx.formats.predictions.video_predictions import read_predictions
from speed.setting import Setting
from speed.table import Row, interleaved

#: Frames of the short clip, which measures the start, and of the long clip; DeepLabCut's default batch size is 4.
SHORT, LONG = 4, 20
SIZES, DEFAULT = (1, 4), 4
#: Allowed difference between keypoints in pixels.
TOLERANCE = 0.01


def rate(analyze: Callable[..., list[float]], short: Path, long: Path, frames: int, **options: object) -> float:
    """Return frames per second of the additional frames in the long clip, after a warm-up with the short clip."""
    _, begin, end = analyze(videos=[short, short, long], **options)
    return frames / max(end - begin, 1e-9)


def measure(setting: Setting) -> list[Row]:
    """Compare each engine with DeepLabCut at its best and default batch sizes, and with the network alone."""
    project = setting.project("single")
    short, long = setting.clip("single", SHORT), setting.clip("single", LONG)
    engines = ["torch", *(["onnx"] if importlib.util.find_spec("onnxruntime") else [])]
    measures = {}
    for size in SIZES:
        options = {"project": project, "batch_size": size}
        for engine in engines:
            more = options | {"engine": engine}
            measures[f"{engine} {size}"] = lambda more=more: rate(
                setting.dlcx_analyze, short, long, LONG - SHORT, **more
            )
            measures[f"bare {engine} {size}"] = lambda more=more: setting.dlcx("forward", video=long, **more)
        if setting.has_deeplabcut:
            measures[f"theirs {size}"] = lambda options=options: rate(
                setting.deeplabcut_analyze, short, long, LONG - SHORT, **options
            )
    found = interleaved(setting.rounds, **measures)
    theirs = {size: found[f"theirs {size}"] for size in SIZES} if setting.has_deeplabcut else {}
    goals = {"torch": (1.25, 1.7), "onnx": (1.4, 1.9)}
    rows = []
    for engine in engines:
        size = max(SIZES, key=lambda size, engine=engine: found[f"{engine} {size}"])
        mine, bare = found[f"{engine} {size}"], found[f"bare {engine} {size}"]
        note = f"batch {size}; {keypoint_difference(setting, project, short, engine)}"
        best = max(theirs.values(), default=None)
        title = f"analyze-video, resnet_50, {engine}"
        rows += [
            Row(
                f"{title}; DeepLabCut at its best batch",
                "frames/s",
                mine,
                best,
                bare,
                goals[engine][0],
                0.95,
                note=note,
            ),
            Row(f"{title}; at its default batch", "frames/s", mine, theirs.get(DEFAULT), None, goals[engine][1]),
        ]
    return rows


def keypoint_difference(setting: Setting, project: Path, clip: Path, engine: str) -> str:
    """Return a note with the difference between the keypoints of both programs, which must be negligible."""
    if not setting.has_deeplabcut:
        return "keypoints not compared"
    folder = setting.folder / "compared"
    shutil.rmtree(folder, ignore_errors=True)
    setting.dlcx("analyze", project=project, videos=[clip], engine=engine, out=folder / "dlcx")
    setting.deeplabcut("analyze", project=project, videos=[clip], out=folder / "deeplabcut")
    xy = [read_predictions(next((folder / name).glob("*.h5"))).xy for name in ("dlcx", "deeplabcut")]
    gap = float(np.nanmax(np.abs(xy[0] - xy[1])))
    if not gap <= TOLERANCE:
        raise RuntimeError(f"{engine}: keypoints differ from DeepLabCut's by {gap:.3g} px")
    return f"keypoints equal within {gap:.1g} px"
