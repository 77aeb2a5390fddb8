from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bad_videos import H264, encode, numbered
from small_videos import told_number

from dlcx.data import opencv_frames as module
from dlcx.data.opencv_frames import frame_at, opencv_frames
from dlcx.data.packets import TIME_TOLERANCE
from dlcx.data.video import open_video


@pytest.mark.parametrize(("first", "end"), [(0, 40), (17, 30), (39, 40)])
def test_frames_have_their_own_numbers_after_a_seek(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, end: int
) -> None:
    monkeypatch.setattr(module, "SEEK_MARGIN", 3)
    video = open_video(encode(tmp_path / "v.mp4", numbered(40), *H264, "-bf", "3"))
    found = [(number, told_number(image[..., ::-1])) for number, image in opencv_frames(video, first, end)]
    assert found == [(number, number) for number in range(first, end)]


def test_a_frame_is_found_by_its_time() -> None:
    times = np.array([0.0, 0.04, 0.1])
    assert [frame_at(times, time) for time in (0, 0.04, 0.1)] == [0, 1, 2]
    assert frame_at(times, 0.04 + TIME_TOLERANCE / 20) == 1
    assert frame_at(times, 0.05) is None
    assert frame_at(times, 5.0) is None
