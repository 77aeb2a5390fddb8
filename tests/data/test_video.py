from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from small_videos import SIZE, break_frames, told_number, write_video

from dlcx.data.video import FrameBatch, find_videos, open_video, read_frames
from dlcx.errors import DlcxError


def numbers(batches: list[FrameBatch]) -> list[int]:
    return [told_number(image) for batch in batches for image in batch.images]


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "mp4v"), ("a.avi", "XVID")]
)
def test_every_frame_is_read_once_with_its_number(tmp_path: Path, name: str, codec: str) -> None:
    video = open_video(write_video(tmp_path / name, 42, codec=codec))
    assert (video.frames, video.width, video.height, video.fps) == (42, *SIZE, 25)
    batches = list(read_frames(video, 8))
    assert [batch.first for batch in batches] == [0, 8, 16, 24, 32, 40]
    assert [len(batch) for batch in batches] == [8, 8, 8, 8, 8, 2]
    assert numbers(batches) == list(range(42))
    assert all(batch.readable.all() for batch in batches)
    np.testing.assert_allclose(np.concatenate([batch.time for batch in batches]), np.arange(42) / 25, atol=1e-6)


def test_images_are_rgb(tmp_path: Path) -> None:
    batch = next(read_frames(open_video(write_video(tmp_path / "a.avi", 1)), 1))
    red, green, blue = batch.images[0, 20, 60]
    assert red > 200
    assert green < 100
    assert blue < 100


def test_a_part_of_a_video_has_the_same_batches_as_the_full_video(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "a.mp4", 60, codec="mp4v"))
    whole = {batch.first: batch.images for batch in read_frames(video, 8)}
    for start in range(60):
        part = list(read_frames(video, 8, start=start, stop=start + 1))
        assert [batch.first for batch in part] == [start // 8 * 8]
        assert np.array_equal(part[0].images, whole[part[0].first])
    assert list(read_frames(video, 8, start=60)) == []


def test_crop_is_a_region_of_the_frame(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "a.avi", 4))
    whole, part = next(read_frames(video, 4)), next(read_frames(video, 4, crop=(10, 90, 5, 40)))
    assert np.array_equal(part.images, whole.images[:, 5:40, 10:90])


def test_undecodable_frames_leave_gaps_and_shift_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 40)
    break_frames(path, 13, 17)
    video = open_video(path)
    batches = list(read_frames(video, 8))
    readable = np.concatenate([batch.readable for batch in batches])
    assert np.flatnonzero(~readable).tolist() == [13, 14, 15, 16]
    told = np.array(numbers(batches))
    assert told[readable].tolist() == np.flatnonzero(readable).tolist()
    assert not batches[1].images[5:].any()


def test_broken_frames_of_a_predicting_codec(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 60, codec="mp4v")
    break_frames(path, 20, 23)
    batches = list(read_frames(open_video(path), 8))
    readable = np.concatenate([batch.readable for batch in batches])
    assert np.flatnonzero(~readable).tolist() == [20, 21, 22, 23]  # 23 is predicted from 22; 24 is a key frame
    assert told_number(batches[3].images[0]) == 24  # after the hole
    assert told_number(batches[-1].images[-1]) == 59


def test_a_truncated_file_keeps_the_number_of_frames_of_its_header(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(tmp_path / "a.avi", 40)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING, "dlcx"):
        video = open_video(path)
    assert video.frames == 40
    assert video.stored_frames < 30
    assert f"announces 40 frames, but it contains {video.stored_frames}" in caplog.text
    readable = np.concatenate([batch.readable for batch in read_frames(video, 8)])
    assert readable.sum() == video.stored_frames - 1  # the last one is torn
    assert not readable[video.stored_frames :].any()


def test_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"this is no video\n" * 50)
    with pytest.raises(DlcxError, match="cannot be opened as a video"):
        open_video(path)


def test_missing_video(tmp_path: Path) -> None:
    with pytest.raises(DlcxError, match="no such video"):
        open_video(tmp_path / "a.mp4")


def test_closing_the_iterator_stops_the_decoder(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "a.avi", 60))
    frames = read_frames(video, 2)
    next(frames)
    assert any(thread.name == "decode a.avi" for thread in threading.enumerate())
    frames.close()
    assert not any(thread.name == "decode a.avi" for thread in threading.enumerate())


def test_fingerprint_tells_videos_apart(tmp_path: Path) -> None:
    one = open_video(write_video(tmp_path / "a" / "v.avi", 10)).fingerprint()
    same = open_video(write_video(tmp_path / "b" / "v.avi", 10)).fingerprint()
    other = open_video(write_video(tmp_path / "c" / "v.avi", 11)).fingerprint()
    assert one == same
    assert one != other


def test_b_frames(shared: Path) -> None:
    """H.264 with reordered frames: seeking gives the very frames of a run from the start."""
    video = open_video(next((shared / "data" / "projects" / "flypair24" / "videos").glob("*.mp4")))
    assert video.frames == 1100
    whole = {batch.first: batch.images for batch in read_frames(video, 4, stop=400)}
    for start in (1, 37, 250, 333, 399):
        batch = next(read_frames(video, 4, start=start))
        assert np.array_equal(batch.images, whole[batch.first])


def test_find_videos(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.AVI", "a_labeled.mp4", "adlc_full.mp4", "notes.txt", "c.mkv", "._b.mp4"):
        (tmp_path / name).touch()
    named = [path.name for path in find_videos([tmp_path])]
    assert named == ["a.AVI", "b.mp4", "c.mkv"]
    assert [path.name for path in find_videos([f"{tmp_path}/*.m*"])] == ["b.mp4", "c.mkv"]
    assert len(find_videos([tmp_path / "b.mp4", tmp_path])) == 3
    with pytest.raises(DlcxError, match="no such video or folder"):
        find_videos([tmp_path / "missing.mp4"])
    with pytest.raises(DlcxError, match="no video in"):
        find_videos([f"{tmp_path}/*.flv"])


@pytest.mark.parametrize("name", ["cam:1.avi", "http:1.avi", "concat:1.avi", "pipe:.avi", "v%03d.avi"])
def test_a_name_is_never_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """FFmpeg takes what stands before a colon for a protocol; frames would come unchecked from another decoder."""
    monkeypatch.chdir(tmp_path)
    write_video(Path("plain.avi"), 5).rename(name)
    video = open_video(Path(name))
    numbers = [told_number(image) for batch in read_frames(video, 2) for image in batch.images]
    assert numbers == [0, 1, 2, 3, 4]


MADE = ("b_labeled.mp4", "bDLC_Resnet50_xJan1shuffle1_snapshot_10_p60_labeled.avi", "b_full.mkv")


@pytest.mark.parametrize("way", ["folder", "pattern", "written out", "open pattern"])
def test_output_of_an_analysis_is_skipped(way: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same files, however they are named."""
    recordings = ("b.mp4", "test2DLC_video.mp4", "unlabeled.mp4")
    data = [f"bDLC_Resnet50_xJan1shuffle1_snapshot_10{end}" for end in (".h5", ".csv", "_meta.pickle", "_report.html")]
    for name in (*recordings, *MADE, *(data if way != "folder" else ())):
        (tmp_path / name).touch()
    wanted = {
        "folder": [tmp_path],
        "pattern": [f"{tmp_path}/*.mp4", f"{tmp_path}/*.avi", f"{tmp_path}/*.mkv"],
        "written out": sorted(tmp_path.iterdir()),
        "open pattern": [f"{tmp_path}/*"],
    }[way]
    assert [path.name for path in find_videos(wanted)] == sorted(recordings)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("skipped files made from an analysis: ")
    if way != "written out":
        assert sorted(caplog.messages[0].split(": ")[1].split(", ")) == sorted(MADE)


def test_output_that_is_the_only_argument_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labeled = tmp_path / "b_labeled.mp4"
    labeled.touch()
    assert find_videos([labeled]) == [labeled]
    assert "it is used because it is the only video named" in caplog.text
    with pytest.raises(DlcxError, match=r"no video in .*: b_labeled.mp4 was made from an analysis") as told:
        find_videos([tmp_path])
    assert told.value.hint == "Name it alone to use it as a video."


def test_the_shapes_of_a_batch_are_checked() -> None:
    images = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match=r"FrameBatch\.images"):
        FrameBatch(0, images.astype(float), np.zeros(2), np.ones(2, bool))
    with pytest.raises(ValueError, match=r"FrameBatch\.time"):
        FrameBatch(0, images, np.zeros(3), np.ones(2, bool))


def test_frames_after_a_seek_equal_those_of_sequential_decoding(shared: Path) -> None:
    """H.264 with key frames that are no fresh starts: its decoder calls what follows a seek corrupt."""
    video = open_video(shared / "data" / "projects" / "openfield-Pranav-2018-10-30" / "videos" / "m3v1mp4.mp4")
    whole = {batch.first: batch for batch in read_frames(video, 1, stop=405) if batch.first in (388, 404)}
    for number, batch in whole.items():
        assert batch.readable[0]
        alone = next(read_frames(video, 1, start=number, stop=number + 1))
        assert alone.readable[0]
        np.testing.assert_array_equal(alone.images, batch.images)
