"""Top-down and BUCTD networks with constant heads and boxes."""

from __future__ import annotations

from dlcx.data.video import open_video
from speed.prepared import video_of
from speed.rows.video import rate
from speed.setting import Setting
from speed.table import Row, interleaved

SHORT = 16
SIZE = 8
CASES = {"top-down": ("top_down_resnet_50, ssdlite", 1), "buctd": ("ctd_prenet_rtmpose_s, resnet_50", 2)}
#: Fewer frames if DeepLabCut, at about four frames per second, takes too long for the whole video.
FEWER = {"buctd": 160}


def measure(setting: Setting) -> list[Row]:
    """Return frames per second for a video of two flies."""
    rows = []
    for name, (nets, shuffle) in CASES.items():
        project = setting.project(name)
        count = 64 if setting.quick else FEWER.get(name)
        video = setting.clip(name, count) if count else video_of(project)
        short, frames = setting.clip(name, SHORT), open_video(video).frames - SHORT
        options = {"project": project, "shuffle": shuffle, "batch_size": SIZE, "constant": True}
        measures = {
            "mine": lambda short=short, video=video, frames=frames, options=options: rate(
                setting.dlcx_analyze, short, video, frames, **options
            ),
            "decode": lambda video=video: setting.dlcx("decode", video=video),
        }
        if setting.has_deeplabcut:
            measures["theirs"] = lambda short=short, video=video, frames=frames, options=options: rate(
                setting.deeplabcut_analyze, short, video, frames, **options
            )
        found = interleaved(setting.rounds, **measures)
        title = f"{name} with constant heads, 24 keypoints ({nets})"
        rows.append(
            Row(title, "frames/s", found["mine"], found.get("theirs"), found["decode"], 3, note=f"batch {SIZE}")
        )
    return rows
