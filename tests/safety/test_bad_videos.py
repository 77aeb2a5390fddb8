"""What is wrong with a video is said, and no row is at another frame than its own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from bad_videos import H264, NO_B, damage, encode, numbered, remux
from small_videos import SIZE, told_number

from dlcx.data.video import open_video, read_frames
from dlcx.errors import DlcxError

COUNT = 60


def seen(path: Path, batch_size: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers that the frames tell (T,), which are readable (T,), which repeated (T,)."""
    batches = list(read_frames(open_video(path), batch_size))
    images = [image for batch in batches for image in batch.images]
    columns = [np.concatenate([getattr(batch, name) for batch in batches]) for name in ("readable", "repeated")]
    return np.array([told_number(image) for image in images]), columns[0], columns[1]


def assert_no_shift(path: Path, count: int = COUNT) -> np.ndarray:
    """Every readable frame shows its own number; which are readable."""
    numbers, readable, _ = seen(path)
    assert len(numbers) == count
    assert numbers[readable].tolist() == np.flatnonzero(readable).tolist()
    return readable


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("b.mp4", (*H264, "-bf", "3", "-b_strategy", "0")),
        ("b.mkv", (*H264, "-bf", "2")),
        ("b.ts", (*H264, "-bf", "2")),
        ("nob.mp4", NO_B),
        ("a.mpg", ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "2")),
        ("a.webm", ("-c:v", "libvpx-vp9", "-g", "12")),
        ("hevc.mp4", ("-c:v", "libx265", "-x265-params", "log-level=none:pools=1")),
        ("ten.mp4", ("-c:v", "libx264", "-pix_fmt", "yuv420p10le")),
        ("grey.mp4", ("-c:v", "libx264", "-pix_fmt", "gray")),
        ("full.avi", ("-c:v", "ffv1")),
        ("raw.avi", ("-c:v", "rawvideo", "-pix_fmt", "bgr24")),
        ("fragments.mp4", (*NO_B, "-movflags", "frag_keyframe+empty_moov")),
        ("late.mp4", (*NO_B, "-output_ts_offset", "7.3")),
    ],
)
def test_unusual_videos(tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    path = encode(tmp_path / name, numbered(COUNT), *options)
    assert assert_no_shift(path).all()
    video = open_video(path)
    assert (video.width, video.height) == SIZE
    part = next(read_frames(video, 4, start=41))
    assert [told_number(image) for image in part.images] == [40, 41, 42, 43]


def test_odd_sizes(tmp_path: Path) -> None:
    images = [image[:43, :95] for image in numbered(20)]
    path = encode(tmp_path / "odd.avi", images, "-c:v", "ffv1")
    video = open_video(path)
    assert (video.width, video.height) == (95, 43)
    assert next(read_frames(video, 4)).images.shape == (4, 43, 95, 3)
    assert seen(path)[1].all()


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_videos_are_seen_as_opencv_and_so_deeplabcut_sees_them(tmp_path: Path, degrees: int) -> None:
    upright = encode(tmp_path / "upright.mp4", numbered(20), *NO_B)
    path = remux(upright, tmp_path / "turned.mp4", before=("-display_rotation", str(degrees)))
    video = open_video(path)
    assert (video.width, video.height) == (SIZE if degrees == 180 else SIZE[::-1])
    capture = cv2.VideoCapture(str(path))
    for batch in read_frames(video, 8):
        for image in batch.images:
            assert np.array_equal(image, cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB))
    batch = next(read_frames(video, 8))
    turned = np.stack([np.rot90(image, -degrees // 90 if degrees != 180 else 2) for image in batch.images])
    back = [told_number(image) for image in np.stack([np.rot90(image, degrees // 90) for image in batch.images])]
    assert back == list(range(8)) or [told_number(image) for image in turned] == list(range(8))


def test_a_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    keep = "not(between(n\\,10\\,19))*not(eq(mod(n\\,7)\\,3))"  # a pause, and every seventh frame dropped
    path = encode(tmp_path / "v.mp4", numbered(COUNT), *NO_B, "-vf", f"select='{keep}'", "-fps_mode", "passthrough")
    left = [n for n in range(COUNT) if not 10 <= n <= 19 and n % 7 != 3]
    numbers, readable, _ = seen(path)
    assert readable.all()
    assert numbers.tolist() == left
    np.testing.assert_allclose(open_video(path).times, np.array(left) / 25 - left[0] / 25, atol=1e-3)
    part = next(read_frames(open_video(path), 8, start=30))
    assert [told_number(image) for image in part.images] == left[24:32]


def test_repeated_frames_are_counted(tmp_path: Path) -> None:
    images = numbered(20)
    images[5] = images[6] = images[4]
    images[16] = images[15]
    path = encode(tmp_path / "r.avi", images, "-c:v", "ffv1")
    for start in (0, 5, 6, 16):
        batches = list(read_frames(open_video(path), 1, start=start))
        assert [batch.first for batch in batches if batch.repeated.any()] == [n for n in (5, 6, 16) if n >= start]
    assert seen(path)[1].all()


@pytest.mark.parametrize("name", ["t.mkv", "t.ts", "t.avi"])
@pytest.mark.parametrize("share", [0.35, 0.8])
def test_truncated_streams(tmp_path: Path, name: str, share: float) -> None:
    codec = ("-c:v", "mjpeg", "-q:v", "2") if name.endswith("avi") else NO_B
    path = encode(tmp_path / name, numbered(COUNT), *codec)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    numbers, readable, _ = seen(path)
    assert 5 < readable.sum() < COUNT
    assert numbers[readable].tolist() == np.flatnonzero(readable).tolist()
    assert len(numbers) <= COUNT
    assert open_video(path).stored_frames <= len(numbers)


def test_a_truncated_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "t.mp4", numbered(COUNT), *NO_B)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DlcxError, match="cannot be opened as a video"):
        open_video(path)


def test_a_truncated_mp4_with_its_index_in_front_keeps_its_rows(tmp_path: Path) -> None:
    path = encode(tmp_path / "t.mp4", numbered(COUNT), *NO_B, "-movflags", "faststart")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    readable = assert_no_shift(path)
    assert 10 < readable.sum() < COUNT
    assert not readable[open_video(path).stored_frames :].any()


@pytest.mark.parametrize("delta", [-20, 25, 100_000])
def test_a_header_that_tells_another_number(tmp_path: Path, delta: int) -> None:
    path = encode(tmp_path / "w.avi", numbered(COUNT), "-c:v", "mjpeg", "-q:v", "2")
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):  # dwTotalFrames, dwLength
        at = content.find(mark) + offset
        assert int.from_bytes(content[at : at + 4], "little") == COUNT
        content[at : at + 4] = (COUNT + delta).to_bytes(4, "little")
    path.write_bytes(content)
    assert assert_no_shift(path).all()


def test_headers_of_absurd_numbers_are_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "w.avi", numbered(5), "-c:v", "mjpeg")
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):
        at = content.find(mark) + offset
        content[at : at + 4] = (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(content[:-100])
    with pytest.raises(DlcxError, match="is refused: its header announces 2147483647 frames"):
        open_video(path)


@pytest.mark.parametrize(("codec", "numbers"), [(NO_B, [20]), (NO_B, [24, 31]), ((*H264, "-bf", "2"), [33])])
def test_a_corrupted_group_of_pictures(tmp_path: Path, codec: tuple[str, ...], numbers: list[int]) -> None:
    """ffmpeg fills these frames in, and OpenCV hands them out; they and all until the next key frame are unreadable."""
    path = encode(tmp_path / "c.mp4", numbered(COUNT), *codec)
    damage(path, numbers)
    told, readable, _ = seen(path)
    assert len(told) == COUNT
    assert told[readable].tolist() == np.flatnonzero(readable).tolist()
    groups = {number // 12 * 12 for number in numbers}
    for group in groups:
        after = max(number for number in numbers if number // 12 * 12 == group)
        assert not readable[after + 3 : group + 12].any()
    assert all(readable[group : group + 12].all() for group in {0, 12, 24, 36, 48} - groups)
    for start in (0, 19, 30, 40):
        part = {batch.first: batch.readable for batch in read_frames(open_video(path), 8, start=start)}
        assert all((readable[first : first + 8] == found).all() for first, found in part.items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.mp4", "cannot be opened as a video"),
        ("noise.avi", "cannot be opened as a video"),
        ("empty.mp4", "is empty"),
        ("folder.mp4", "is a folder"),
        ("missing.mp4", "no such video"),
        ("image.mp4", None),
        ("sound.mp4", "cannot be opened as a video|holds no video"),
        ("none.avi", "cannot be opened as a video|holds no video"),
    ],
)
def test_no_videos(tmp_path: Path, name: str, message: str | None) -> None:
    path = tmp_path / name
    if name == "text.mp4":
        path.write_text("this is no video\n" * 50)
    elif name == "noise.avi":
        path.write_bytes(np.random.default_rng(1).bytes(10_000))
    elif name == "empty.mp4":
        path.touch()
    elif name == "folder.mp4":
        path.mkdir()
    elif name == "image.mp4":
        cv2.imwrite(str(path.with_suffix(".png")), numbered(1)[0])
        path.with_suffix(".png").rename(path)
    elif name == "sound.mp4":
        encode(path, numbered(1), "-f", "lavfi", "-i", "sine=duration=1", "-map", "1:a", "-c:a", "aac")
    elif name == "none.avi":
        encode(path, numbered(3), "-c:v", "mjpeg", "-frames:v", "0")
    if message is None:
        assert len(seen(path)[0]) == 1  # an image is a video of one frame
        return
    with pytest.raises(DlcxError, match=message):
        open_video(path)
