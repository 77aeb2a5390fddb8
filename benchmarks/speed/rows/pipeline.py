"""All of analyze-video but the network, whose maps are constant: decoding, pose decoding, store, h5 and csv."""

from __future__ import annotations

from dlcx.data.video import open_video
from speed.prepared import video_of
from speed.rows.video import rate
from speed.setting import Setting
from speed.table import Row, interleaved

SHORT = 16
SIZE = 8


def measure(setting: Setting) -> list[Row]:
    """Return frames per second for a whole video, with decoding alone as the limit."""
    project = setting.project("single")
    video = setting.clip("single", 120) if setting.quick else video_of(project)
    short, frames = setting.clip("single", SHORT), open_video(video).frames - SHORT
    options = {"project": project, "batch_size": SIZE, "constant": True}
    measures = {
        "mine": lambda: rate(setting.dlcx_analyze, short, video, frames, **options),
        "decode": lambda: setting.dlcx("decode", video=video),
    }
    if setting.has_deeplabcut:
        measures["theirs"] = lambda: rate(setting.deeplabcut_analyze, short, video, frames, **options)
    found = interleaved(setting.rounds, **measures)
    note = f"batch {SIZE}; limit: decoding with OpenCV alone"
    title = "analyze-video with constant heads, 4 keypoints"
    return [Row(title, "frames/s", found["mine"], found.get("theirs"), found["decode"], 3, 0.8, note=note)]
