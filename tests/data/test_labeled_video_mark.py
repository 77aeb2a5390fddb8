from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from small_videos import SIZE, frame, told_number

from dlcx.data.labeled_video_mark import TEXT, is_marked_labeled_video
from dlcx.data.video import find_videos, open_video, read_frame
from dlcx.visuals.video_writer import OPENCV_CODECS, write_video

COUNT = 9


@pytest.mark.parametrize("codec", [*OPENCV_CODECS, "libx264", "vp9", "ffv1"])
def test_a_drawn_video_is_known_under_any_name(codec: str, tmp_path: Path) -> None:
    suffix = OPENCV_CODECS.get(codec, {"libx264": ".mp4", "vp9": ".webm", "ffv1": ".mkv"}.get(codec))
    drawn = tmp_path / f"final{suffix}"
    write_video(drawn, (frame(number) for number in range(COUNT)), fps=25, size=SIZE, codec=codec)
    assert drawn.read_bytes().endswith(TEXT)
    assert is_marked_labeled_video(drawn)
    recording = tmp_path / f"recording{suffix}"
    recording.write_bytes(drawn.read_bytes()[: -len(TEXT) - 8])
    assert find_videos([f"{tmp_path}/*{suffix}"]) == [recording]


@pytest.mark.parametrize("codec", ["mp4v", "MJPG", "ffv1"])
def test_readers_skip_the_mark(codec: str, tmp_path: Path) -> None:
    drawn = tmp_path / f"final{ {'mp4v': '.mp4', 'MJPG': '.avi', 'ffv1': '.mkv'}[codec] }"
    write_video(drawn, (frame(number) for number in range(COUNT)), fps=25, size=SIZE, codec=codec)
    video = open_video(drawn)
    assert (video.frames, video.truncated_frame) == (COUNT, None)
    assert [told_number(read_frame(video, number)) for number in range(COUNT)] == list(range(COUNT))
    capture = cv2.VideoCapture(str(drawn))
    assert sum(iter(lambda: capture.read()[0], False)) == COUNT


def test_short_and_missing_files_have_no_mark(tmp_path: Path) -> None:
    (tmp_path / "short.mp4").write_bytes(b"dlcx")
    assert not is_marked_labeled_video(tmp_path / "short.mp4")
    assert not is_marked_labeled_video(tmp_path / "missing.mp4")
