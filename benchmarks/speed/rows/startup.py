"""CPU time of short commands, and of analyzing one frame compared with the minimum work."""

from __future__ import annotations

import shutil
import sys

from speed.setting import HERE, Setting
from speed.table import Row, interleaved

#: Allowed seconds of CPU time for the help.
MAX_SECONDS = 0.3


def measure(setting: Setting) -> list[Row]:
    """Return rows for ``--help``, ``list-models`` and the analysis of one frame."""
    project, clip, out = setting.project("single"), setting.clip("single", 1), setting.folder / "startup"
    python = (sys.executable, "-m", "dlcx")

    def one_frame() -> float:
        shutil.rmtree(out, ignore_errors=True)
        return setting.cpu_seconds(*python, "analyze-video", clip, "-p", project, "--out", out, "-q")

    measures = {
        "help": lambda: setting.cpu_seconds(*python, "--help"),
        "list": lambda: setting.cpu_seconds(*python, "list-models"),
        "one": one_frame,
        "bare": lambda: setting.cpu_seconds(
            sys.executable, HERE / "dlcx_side.py", "one_frame", f'{{"project": "{project}", "video": "{clip}"}}'
        ),
    }
    if setting.has_deeplabcut:
        measures["import"] = lambda: setting.cpu_seconds(setting.python, "-c", "import deeplabcut")
    found = interleaved(setting.rounds, **measures)
    theirs, less = found.get("import"), {"more_is_better": False, "of_limit": 1.0}
    note = "DeepLabCut: import deeplabcut"
    return [
        Row("dlcx --help", "CPU s", found["help"], theirs, MAX_SECONDS, **less, note=note),
        Row("dlcx list-models", "CPU s", found["list"], theirs, MAX_SECONDS, **less, note=note),
        Row(
            "analyze-video of 1 frame",
            "CPU s",
            found["one"],
            limit=found["bare"],
            more_is_better=False,
            of_limit=1.5,
            note="limit: import torch, load the snapshot, one forward pass",
        ),
    ]
