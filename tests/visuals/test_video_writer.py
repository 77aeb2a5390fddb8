"""Videos that are written read back frame by frame."""

import numpy as np
import pytest

from dlcx.data.video import open_video, read_frames
from dlcx.errors import DlcxError
from dlcx.visuals import video_writer
from dlcx.visuals.video_writer import default_codec, video_suffix, write_video

COLORS = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200], [120, 120, 120]], np.uint8)


def images(count: int = 8, size: tuple[int, int] = (64, 48)) -> list[np.ndarray]:
    return [np.full((size[1], size[0], 3), COLORS[number % 4], np.uint8) for number in range(count)]


@pytest.mark.parametrize("codec", ["mp4v", "MJPG", "default"])
def test_frames_and_rate_read_back(tmp_path, codec):
    codec = default_codec() if codec == "default" else codec
    path = tmp_path / f"v{video_suffix(codec)}"
    assert write_video(path, images(), fps=12.5, size=(64, 48), codec=codec) == 8
    video = open_video(path)
    assert (video.frames, video.width, video.height) == (8, 64, 48)
    assert video.fps == pytest.approx(12.5)
    for batch in read_frames(video, 1):
        np.testing.assert_allclose(batch.images[0].mean((0, 1)), COLORS[batch.first % 4], atol=12)


def test_odd_sizes_lose_a_row_and_a_column(tmp_path):
    path = tmp_path / "v.mp4"
    write_video(path, images(3, (65, 49)), fps=10, size=(65, 49), codec=default_codec())
    video = open_video(path)
    assert (video.width, video.height) == (64, 48)


@pytest.mark.parametrize(("codec", "suffix"), [("mp4v", ".mp4"), ("xvid", ".avi"), ("vp9", ".webm"), ("ffv1", ".avi")])
def test_suffixes(codec, suffix):
    assert video_suffix(codec) == suffix


@pytest.mark.parametrize(("codec", "message"), [("libx26x", "no such encoder"), ("aac", "encodes audio, not video")])
def test_codecs_that_cannot_be_written(codec, message):
    with pytest.raises(DlcxError, match=message):
        video_suffix(codec)


def test_an_error_while_painting_leaves_no_file(tmp_path):
    def painted():
        yield from images(3)
        raise DlcxError("cannot paint")

    with pytest.raises(DlcxError, match="cannot paint"):
        write_video(tmp_path / "v.mp4", painted(), fps=10, size=(64, 48))
    assert not list(tmp_path.iterdir())


def test_missing_frames_are_noticed(tmp_path, monkeypatch):
    real = video_writer.open_video
    path = tmp_path / "short.mp4"
    write_video(path, images(4), fps=10, size=(64, 48))
    monkeypatch.setattr(video_writer, "open_video", lambda _: real(path))
    with pytest.raises(DlcxError, match="8 frames were encoded, but the file contains 4"):
        write_video(tmp_path / "v.mp4", images(8), fps=10, size=(64, 48))
    assert not (tmp_path / "v.mp4").exists()
