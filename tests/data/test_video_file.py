from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_videos import write_video

from dlcx.data.video import open_video
from dlcx.data.video_file import ORDER_FROM_DECODING, ORDER_FROM_TIMESTAMPS, VideoFile


@pytest.fixture
def video(tmp_path: Path) -> VideoFile:
    return open_video(write_video(tmp_path / "v.avi", 12))


def test_frames_beyond_the_stored_ones_were_cut_off(tmp_path: Path, video: VideoFile) -> None:
    assert (video.frames, video.stored_frames, video.truncated_frame) == (12, 12, None)
    content = video.path.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(content[: len(content) * 2 // 3])
    truncated = open_video(cut)
    assert truncated.frames == truncated.header_frames == 12
    assert truncated.stored_frames < 12
    assert truncated.truncated_frame == truncated.stored_frames - 1


def test_without_time_stamps_decoding_gives_the_order(video: VideoFile) -> None:
    assert video.checked_by == ORDER_FROM_TIMESTAMPS
    assert replace(video, order=replace(video.order, first_stamp=None)).checked_by == ORDER_FROM_DECODING


def test_the_fingerprint_includes_the_number_of_frames(video: VideoFile) -> None:
    found = video.fingerprint()
    assert set(found) == {"name", "bytes", "sha256", "frames"}
    assert (found["name"], found["frames"]) == ("v.avi", 12)
