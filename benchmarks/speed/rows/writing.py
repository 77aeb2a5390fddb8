"""Writing the poses of a long video: h5 compared with PyTables alone, csv compared with pandas."""

from __future__ import annotations

from statistics import median

from speed.setting import Setting
from speed.table import Row

FRAMES, ANIMALS, BODYPARTS = 100_000, 3, 12


def measure(setting: Setting) -> list[Row]:
    """Return the seconds to write to disk; one process per round writes all files in turn."""
    frames = FRAMES // 10 if setting.quick else FRAMES
    shape = {"frames": frames, "animals": ANIMALS, "bodyparts": BODYPARTS}
    rounds = [setting.dlcx("write", **shape, out=setting.folder / "written") for _ in range(setting.rounds)]
    found = {name: median(each[name] for each in rounds) for name in rounds[0]}
    size = f"{frames} x {ANIMALS} x {BODYPARTS}"
    less = {"more_is_better": False}
    return [
        Row(
            f"write h5, {size}",
            "s",
            found["h5"],
            found["pandas h5"],
            found["raw h5"],
            **less,
            note="DeepLabCut: pandas' to_hdf; limit: PyTables without metadata",
        ),
        Row(
            f"write csv, {size}",
            "s",
            found["csv"],
            found["pandas csv"],
            times_deeplabcut=2,
            **less,
            note="DeepLabCut: pandas' to_csv",
        ),
    ]
