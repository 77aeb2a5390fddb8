"""Frames are the same whichever decoder is used, and wherever decoding starts."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from bad_videos import H264, NO_B, damage, encode, numbered, remux
from small_videos import SIZE, break_frames, told_number, write_video

from dlcx.data.video import open_video, read_frames
from dlcx.data.video_file import VideoFile

COUNT = 90
STREAMS = {
    "b.mp4": (*H264, "-bf", "3", "-b_strategy", "0"),
    "open.mp4": (
        "-c:v",
        "libx264",
        "-pix_fmt",
        "yuv420p",
        "-x264-params",
        "open-gop=1:keyint=12:bframes=3:scenecut=0:threads=1",
    ),
    "refresh.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params", "intra-refresh=1:keyint=15:threads=1"),
    "b.mkv": (*H264, "-bf", "2"),
    "b.ts": (*H264, "-bf", "2"),
    "hevc.mp4": ("-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none:pools=1:keyint=15"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-g", "12"),
    "a.mpg": ("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-bf", "2", "-q:v", "2"),
    "a.avi": ("-c:v", "mjpeg", "-q:v", "2"),
    "b.avi": ("-c:v", "mpeg4", "-bf", "2"),
    "rate.mp4": (
        *NO_B,
        "-vf",
        "select='not(between(n\\,10\\,19))*not(eq(mod(n\\,7)\\,3))'",
        "-fps_mode",
        "passthrough",
    ),
}


def columns(video: VideoFile, start: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (T, h, w, 3), whether they are readable (T,) and repeated (T,)."""
    batches = list(read_frames(video, 1, start=start))
    return (
        np.concatenate([batch.images for batch in batches]),
        np.concatenate([batch.readable for batch in batches]),
        np.concatenate([batch.repeated for batch in batches]),
    )


def by_opencv(path: Path) -> np.ndarray:
    """The images (T, h, w, 3) uint8 RGB that OpenCV shows, in its order."""
    capture, images = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        images.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return np.stack(images)


def assert_equal(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...], start: int = 0) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other[start:])


@pytest.mark.parametrize("name", STREAMS)
def test_parts_equal_the_full_video_and_opencv(tmp_path: Path, name: str) -> None:
    video = open_video(encode(tmp_path / name, numbered(COUNT), *STREAMS[name]))
    whole = columns(video)
    assert whole[1].all()
    np.testing.assert_array_equal(whole[0], by_opencv(video.path))
    for start in (1, 13, 36, 47, 60, 67):
        assert_equal(columns(video, start), whole, start)


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "hevc.mp4", "a.avi", "rate.mp4"])
def test_undamaged_videos_are_decoded_once(tmp_path: Path, name: str, taken_over: list[int]) -> None:
    video = open_video(encode(tmp_path / name, numbered(COUNT), *STREAMS[name]))
    columns(video)
    assert not taken_over


def test_parts_of_undamaged_videos_are_decoded_once(tmp_path: Path, taken_over: list[int]) -> None:
    video = open_video(encode(tmp_path / "b.mp4", numbered(COUNT), *STREAMS["b.mp4"]))
    for start in (1, 40, 60, 89):
        columns(video, start)
    assert not taken_over


def test_crops_and_repeated_frames(tmp_path: Path, taken_over: list[int]) -> None:
    images = numbered(20)
    images[5] = images[6] = images[4]
    images[16] = images[15]
    video = open_video(encode(tmp_path / "r.avi", images, "-c:v", "rawvideo", "-pix_fmt", "bgr24"))
    for start in (0, 5, 6, 16):
        whole = list(read_frames(video, 1, start=start))
        part = list(read_frames(video, 1, start=start, crop=(10, 90, 5, 40)))
        assert [batch.first for batch in part if batch.repeated.any()] == [n for n in (5, 6, 16) if n >= start]
        for one, other in zip(part, whole, strict=True):
            np.testing.assert_array_equal(one.images, other.images[:, 5:40, 10:90])
    assert not taken_over


def test_only_the_frame_before_makes_a_frame_repeated(tmp_path: Path) -> None:
    """Frames that equal an earlier frame, but not the one before, are not repeated; nor is one after a lost frame."""
    images = numbered(12)
    images[4] = images[2]
    images[8] = images[7]
    path = encode(tmp_path / "r.avi", images, "-c:v", "mjpeg", "-q:v", "2")
    _, readable, repeated = columns(open_video(path))
    assert readable.all()
    assert np.flatnonzero(repeated).tolist() == [8]
    assert next(read_frames(open_video(path), 1, start=8, stop=9)).repeated.tolist() == [True]
    damaged = encode(tmp_path / "d.avi", [images[0], images[1], images[0]], "-c:v", "mjpeg", "-q:v", "2")
    break_frames(damaged, 1, 2)
    _, readable, repeated = columns(open_video(damaged))
    assert readable.tolist() == [True, False, True]
    assert not repeated.any()


@pytest.mark.parametrize(("name", "codec", "lost"), [("a.avi", "MJPG", [61, 62]), ("a.mp4", "mp4v", [61, 62, 63])])
def test_damaged_frames_and_frames_predicted_from_them_are_left_out(
    tmp_path: Path, name: str, codec: str, lost: list[int]
) -> None:
    path = write_video(tmp_path / name, COUNT, codec=codec)
    expected = by_opencv(path)
    break_frames(path, 61, 63)
    video = open_video(path)
    found = columns(video)
    assert np.flatnonzero(~found[1]).tolist() == lost
    np.testing.assert_array_equal(found[0][found[1]], expected[found[1]])
    for start in (30, 60, 61, 62, 63, 80):
        assert_equal(columns(video, start), found, start)


INTERLACED = ("-vf", "setfield=tff", "-flags", "+ilme+ildct")
CAMCORDERS = {
    "h264.mp4": (*H264, "-bf", "2", *INTERLACED),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-q:v", "2", *INTERLACED),
    "dv.avi": ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", "-vf", "scale=720:576,setfield=bff", "-flags", "+ilme+ildct"),
}


@pytest.mark.parametrize("name", CAMCORDERS)
def test_interlaced_frames_are_shown(tmp_path: Path, name: str) -> None:
    """OpenCV hands them out as black since 4.13, and says that it could decode them."""
    video = open_video(encode(tmp_path / name, numbered(60), *CAMCORDERS[name]))
    whole = columns(video)
    small = [cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA) for image in whole[0]]  # DV has a size of its own
    assert [told_number(image) for image in small] == list(range(60))
    assert whole[1].all()
    for start in (1, 29, 47):
        assert_equal(columns(video, start), whole, start)


def test_interlaced_frames_around_a_damage(tmp_path: Path) -> None:
    path = encode(tmp_path / "c.mp4", numbered(COUNT), *NO_B, *INTERLACED)
    damage(path, [64])
    images, readable, _ = columns(open_video(path))
    assert np.flatnonzero(~readable).tolist() == list(range(64, 72))
    sound = np.r_[0:60, 72:COUNT]
    assert [told_number(image) for image in images[sound]] == sound.tolist()


def test_videos_that_turn_interlaced(tmp_path: Path) -> None:
    plain = ("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-q:v", "2")
    encode(tmp_path / "one.ts", numbered(60)[:30], *plain)
    encode(tmp_path / "two.ts", numbered(60)[30:], *plain, *INTERLACED)
    (tmp_path / "list.txt").write_text("file one.ts\nfile two.ts\n")
    video = open_video(remux(tmp_path / "list.txt", tmp_path / "both.ts", before=("-f", "concat")))
    whole = columns(video)
    assert [told_number(image) for image in whole[0]] == list(range(60))
    for start in (1, 29, 31, 47):
        assert_equal(columns(video, start), whole, start)


@pytest.mark.parametrize(("number", "seed"), [(20, 2), (33, 3)])
def test_damage_is_detected_with_any_number_of_cores(tmp_path: Path, number: int, seed: int) -> None:
    """Decoders with several threads forget these."""
    path = encode(tmp_path / "c.mp4", numbered(60), *H264, "-bf", "2")
    damage(path, [number], seed=seed)
    assert not columns(open_video(path))[1].all()


@pytest.mark.parametrize("taken", [1, 40])
def test_closing_the_iterator_stops_all_threads(tmp_path: Path, taken: int) -> None:
    path = write_video(tmp_path / "a.avi", 60)
    break_frames(path, 30, 31)
    frames = read_frames(open_video(path), 1)
    for _ in range(taken):
        next(frames)
    assert any("a.avi" in thread.name for thread in threading.enumerate())
    frames.close()
    assert not any("a.avi" in thread.name for thread in threading.enumerate())
