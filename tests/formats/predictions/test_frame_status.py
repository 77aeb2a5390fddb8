from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.predictions.frame_status import (
    STATES,
    FrameCounts,
    FrameStatus,
    read_frame_status,
    write_frame_status,
)


def test_round_trip_and_counts(tmp_path: Path) -> None:
    time = np.arange(7, 13) / 25
    readable = np.array([1, 1, 0, 1, 0, 0], bool)
    repeated = np.array([0, 1, 0, 0, 0, 0], bool)
    status = FrameStatus.of(7, time, readable, repeated, packets=11)
    assert [STATES[state] for state in status.state] == [
        "decoded", "repeated", "undecodable", "decoded", "missing", "missing"
    ]  # fmt: skip
    assert status.counts(13, "opencv") == FrameCounts(13, 3, 1, 2, 1, "opencv")
    write_frame_status(status, tmp_path / "v_frames.csv")
    assert (tmp_path / "v_frames.csv").read_text().splitlines()[:3] == [
        "frame,time,state",
        "7,0.28,decoded",
        "8,0.32,repeated",
    ]
    read = read_frame_status(tmp_path / "v_frames.csv")
    assert (read.first, read.time.tolist(), read.state.tolist()) == (7, time.tolist(), status.state.tolist())


@pytest.mark.parametrize(
    "text", ["", "frame,time\n", "frame,time,state\n1,0,good\n", "frame,time,state\n1,0,missing\n3,0,missing\n"]
)
def test_other_files_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "v_frames.csv").write_text(text)
    with pytest.raises(DlcxError, match=r"v_frames\.csv.*(not a frame status table|column .* is missing)"):
        read_frame_status(tmp_path / "v_frames.csv")
