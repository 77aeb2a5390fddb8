"""Frame n is the n-th picture that OpenCV and ffmpeg show, in videos whose packets are not just the frames in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.frame import PictureType
from containers import OPTIONS, SIZE, ffmpeg_numbers, opencv_numbers, picture, shown_number, write

from dlcx.data import opencv_frames
from dlcx.data.video import open_video, read_frame, read_frames

COUNT = 45


@pytest.fixture(autouse=True)
def _seek_in_short_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv_frames, "SEEK_MARGIN", 3)


def assert_numbers(path: Path, numbers: list[int], times: np.ndarray | None = None) -> None:
    """A video shows these numbers, read from the start, from any frame and by OpenCV."""
    assert opencv_numbers(path) == ffmpeg_numbers(path) == numbers
    video = open_video(path)
    batches = list(read_frames(video, 4))
    assert [shown_number(image) for batch in batches for image in batch.images] == numbers
    assert all(batch.readable.all() for batch in batches)
    for number in range(1, len(numbers), 2):
        image = read_frame(video, number)
        assert image is not None, number
        assert shown_number(image) == numbers[number]
    if video.first_stamp is not None:
        for first in (0, len(numbers) // 2, len(numbers) - 1):
            found = [(number, shown_number(image)) for number, image in _by_opencv(video, first)]
            assert found == [(number, numbers[number]) for number in range(first, len(numbers))]
    if times is not None:
        np.testing.assert_allclose(video.times, times, atol=1.1e-3)  # Matroska counts milliseconds


def _by_opencv(video: Any, first: int) -> Any:
    return opencv_frames.opencv_frames(video, first, video.frames)


REORDERING = {
    "libx264": OPTIONS["libx264"] | {"bf": "3"},
    "libx265": OPTIONS["libx265"],
    "mpeg1video": {"g": "6", "bf": "2"},
    "mpeg2video": {"g": "6", "bf": "2"},
    "mpeg4": {"g": "6", "bf": "2"},
}
OPEN = {
    "libx264": {"preset": "ultrafast", "x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0:threads=1"},
    "libx265": {"preset": "ultrafast", "x265-params": "open-gop=1:keyint=8:bframes=3:log-level=none:pools=1"},
    "mpeg2video": {"g": "6", "bf": "2", "flags": "-cgop", "b_strategy": "0", "sc_threshold": "1000000000"},
}
CLOSED = {"mpeg2video": {"g": "6", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"}}
KINDS = {"reordered": REORDERING, "open": OPEN, "closed": CLOSED}
MUXERS = ("avi", "mp4", "matroska", "mpegts", "mpeg")


@pytest.mark.parametrize("muxer", MUXERS)
@pytest.mark.parametrize(
    ("encoder", "options"),
    [(name, options) for group in KINDS.values() for name, options in group.items()],
    ids=[f"{kind}-{name}" for kind, group in KINDS.items() for name in group],
)
def test_reordered_frames(tmp_path: Path, muxer: str, encoder: str, options: dict[str, str]) -> None:
    """B-frames, in closed and open groups of pictures."""
    if (muxer, encoder) == ("avi", "libx265"):
        muxer = "mov"  # FFmpeg writes no HEVC into AVI
    path = write(tmp_path / "v", muxer, encoder, COUNT, options=options)
    with av.open(str(path)) as container:
        kinds = [frame.pict_type for frame in container.decode(video=0)]
    assert PictureType.B in kinds
    assert_numbers(path, list(range(COUNT)), np.arange(COUNT) / 25)


@pytest.mark.parametrize("encoder", ["mpeg4", "libx264", "libx265", "mpeg2video"])
@pytest.mark.parametrize("muxer", ["mp4", "mov"])
def test_edit_lists(tmp_path: Path, muxer: str, encoder: str) -> None:
    """The packets before the cut are there for reference only, as ``ffmpeg -ss 0.6 -c copy`` leaves them."""
    path = write(
        tmp_path / "v",
        muxer,
        encoder,
        COUNT,
        times=lambda number: number - 15,
        container_options={"avoid_negative_ts": "disabled"},
        options=REORDERING[encoder],
    )
    shown = ffmpeg_numbers(path)
    assert shown[-1] == COUNT - 1
    assert 27 <= len(shown) <= 30
    assert_numbers(path, shown)


@pytest.mark.parametrize("muxer", MUXERS)
@pytest.mark.parametrize("encoder", ["mpeg4", "libx264", "mpeg2video"])
def test_streams_that_start_late(tmp_path: Path, muxer: str, encoder: str) -> None:
    path = write(tmp_path / "v", muxer, encoder, COUNT, times=lambda number: number + 80, options=REORDERING[encoder])
    # AVI fills the gap before the second frame with empty packets
    assert_numbers(path, list(range(COUNT)), None if muxer == "avi" else np.arange(COUNT) / 25)


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "mpegts", "asf", "nut", "flv"])
def test_variable_frame_rate(tmp_path: Path, muxer: str) -> None:
    times = np.cumsum(np.random.default_rng(1).choice([1, 1, 2, 5, 11], COUNT))
    encoder = {"asf": "msmpeg4", "flv": "flv"}.get(muxer, "libx264")
    path = write(tmp_path / "v", muxer, encoder, COUNT, times=lambda number: int(times[number]))
    assert_numbers(path, list(range(COUNT)), (times - times[0]) / 25)


def test_dropped_frames_of_avi_files(tmp_path: Path) -> None:
    """AVI has one frame rate, so FFmpeg writes empty packets into gaps; they show nothing."""
    path = write(tmp_path / "v", "avi", "mpeg4", COUNT, times=lambda number: number + 6 * (number > 20))
    assert_numbers(path, list(range(COUNT)))


def write_streams(path: Path, counts: tuple[int, ...], default: int, muxer: str) -> Path:
    """Video streams of so many frames, side by side; each begins with the number 100 times its place."""
    with av.open(str(path), "w", format=muxer) as container:
        streams: list[Any] = []
        for place in range(len(counts)):
            stream: Any = container.add_stream("mpeg4", rate=25, options={"g": "6", "threads": "1"})
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *SIZE, "yuv420p", 2_000_000
            stream.disposition = Disposition.default if place == default else Disposition(0)
            streams.append(stream)
        for number in range(max(counts)):
            for place, stream in enumerate(streams):
                if number < counts[place]:
                    image = picture(100 * place + number)
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("muxer", ["mp4", "matroska", "avi", "mpegts"])
@pytest.mark.parametrize("default", [0, 1])
@pytest.mark.parametrize("counts", [(COUNT, 1), (1, COUNT), (COUNT, COUNT - 10), (9, 20, 30)])
def test_several_video_streams(tmp_path: Path, counts: tuple[int, ...], default: int, muxer: str) -> None:
    """The first one counts, which is OpenCV's, whichever is marked as the default."""
    path = write_streams(tmp_path / "v", counts, default, muxer)
    assert_numbers(path, list(range(counts[0])))


@pytest.mark.parametrize("place", ["before", "after"])
def test_attached_pictures(tmp_path: Path, place: str) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        streams = [
            container.add_stream(name, rate=25) for name in ("mjpeg", "mpeg4")[:: 1 if place == "before" else -1]
        ]
        for stream in streams:
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuvj420p" if stream.name == "mjpeg" else "yuv420p"
        cover, video = streams[:: 1 if place == "before" else -1]
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(picture(99), format="rgb24")))
        container.mux(cover.encode(None))
        for number in range(COUNT):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(video.encode(None))
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert [stream.disposition for stream in container.streams.video][1] == Disposition.attached_pic
    assert_numbers(tmp_path / "v.mp4", list(range(COUNT)))


def test_files_with_an_audio_stream(tmp_path: Path) -> None:
    path = write(tmp_path / "v", "psp", "libx264", COUNT)
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 1
    assert_numbers(path, list(range(COUNT)))


def interlaced(stream: Any) -> None:
    """Have the encoder code the two fields of a frame apart where they differ, and say so."""
    from av.codec.context import Flags

    stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me


@pytest.mark.parametrize(
    ("muxer", "encoder"),
    [
        ("mpegts", "mpeg2video"),
        ("mpeg", "mpeg2video"),
        ("avi", "mpeg2video"),
        ("mp4", "libx264"),
        ("mpegts", "libx264"),
        ("avi", "mpeg4"),
    ],
)
def test_interlaced_frames(tmp_path: Path, muxer: str, encoder: str) -> None:
    """OpenCV hands most of them out as black since 4.13, so PyAV's pixels are taken."""
    options = {**REORDERING[encoder], **({"x264-params": "tff=1:threads=1"} if encoder == "libx264" else {})}
    path = write(tmp_path / "v", muxer, encoder, COUNT, setup=interlaced, options=options)
    with av.open(str(path)) as container:
        assert any(frame.interlaced_frame for frame in container.decode(video=0))
    assert ffmpeg_numbers(path) == list(range(COUNT))
    video = open_video(path)
    batches = list(read_frames(video, 4))
    assert [shown_number(image) for batch in batches for image in batch.images] == list(range(COUNT))
    assert all(batch.readable.all() for batch in batches)
    for number in (1, 13, 29, 44):
        image = read_frame(video, number)
        assert image is not None
        assert shown_number(image) == number


CLOSED_GROUPS = {
    "libx264": {"preset": "ultrafast", "x264-params": "keyint=9:bframes=2:b-adapt=0:scenecut=0:threads=1"},
    "libx265": {"preset": "ultrafast", "x265-params": "open-gop=0:keyint=9:bframes=2:log-level=none:pools=1"},
    "libvpx": {"g": "9", "deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"g": "9", "deadline": "realtime", "cpu-used": "8"},
    "mpeg2video": {"g": "9", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"},
    "mpeg4": {"g": "9", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"},
}


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    """Overwrite a packet and keep the container intact."""
    content = path.read_bytes()
    assert content.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("muxer", "encoder"),
    [
        *((muxer, "libx264") for muxer in ("avi", "mp4", "matroska", "flv")),
        *((muxer, "mpeg4") for muxer in ("avi", "mp4", "matroska")),
        ("mp4", "libx265"),
        ("matroska", "libvpx"),
        ("matroska", "libvpx-vp9"),
        ("asf", "msmpeg4"),
        ("flv", "flv"),
        ("avi", "mjpeg"),
        ("mov", "prores_ks"),
    ],
)
def test_damage_lasts_until_the_next_key_frame(tmp_path: Path, muxer: str, encoder: str) -> None:
    """And not a frame longer; what is called readable has the pixels that it had before."""
    options = CLOSED_GROUPS.get(encoder, {"g": "9"})
    path = write(tmp_path / "v", muxer, encoder, COUNT, options=options)
    video = open_video(path)
    before = np.concatenate([batch.images for batch in read_frames(video, 4)])
    keys = sorted(video.order.number[video.order.packets.key])
    key = next(number for number in keys if number >= 9)
    stop = next(number for number in keys if number > key)
    packet = packets_of(path)[int(video.order.packet[key]) + (stop > key + 1)]
    overwrite(path, packet, bytes(len(packet)))  # no codec takes zeros for a picture
    video = open_video(path)
    assert video.frames == COUNT
    batches = list(read_frames(video, 4))
    images = np.concatenate([batch.images for batch in batches])
    readable = np.concatenate([batch.readable for batch in batches])
    expected = list(range(key + 1, stop)) if stop > key + 1 else [key]
    assert np.flatnonzero(~readable).tolist() == expected
    np.testing.assert_array_equal(images[readable], before[readable])
    for number in (key, expected[0], expected[-1], stop):
        assert (read_frame(video, number) is None) == (number in expected)


def test_noise_in_a_packet_does_not_hide_its_frame(tmp_path: Path) -> None:
    """VP9 says in two bits that a packet shows nothing: those of noise do not shift the frames that follow."""
    path = write(tmp_path / "v", "matroska", "libvpx-vp9", COUNT)
    packets = packets_of(path)
    packet = max(packets[20:30], key=len)  # two pictures, the first for reference only
    assert packet[-1] & 0xE0 == 0xC0
    overwrite(path, packet, packet[:-1] + b"\0")
    video = open_video(path)
    assert video.frames == COUNT
    batches = list(read_frames(video, 4))
    images = np.concatenate([batch.images for batch in batches])
    readable = np.concatenate([batch.readable for batch in batches])
    lost = packets.index(packet)
    assert [shown_number(image) for image in images[lost + 6 :]] == list(range(lost + 6, COUNT))
    assert readable[lost + 6 :].all()


def test_packets_without_a_displayed_picture(tmp_path: Path) -> None:
    """VP9 pictures for reference only, in packets of their own."""
    from av.bitstream import BitStreamFilterContext

    whole = write(tmp_path / "whole", "ivf", "libvpx-vp9", COUNT)
    with av.open(str(whole)) as old, av.open(str(tmp_path / "v"), "w", format="flv") as new:
        source = old.streams.video[0]
        stream = new.add_stream_from_template(source)
        split = BitStreamFilterContext("vp9_superframe_split", source)
        for packet in (part for one in old.demux(source) if one.size for part in split.filter(one)):
            packet.stream = stream
            new.mux(packet)
    video = open_video(tmp_path / "v")
    assert len(video.order.packets) > COUNT
    assert_numbers(tmp_path / "v", list(range(COUNT)))


@pytest.mark.parametrize("seed", range(3))
def test_damage_does_not_reach_beyond_the_next_key_frame(tmp_path: Path, seed: int) -> None:
    """H.264's decoder keeps references beyond key frames of open groups, and mixes them up after damage."""
    path = write(tmp_path / "v", "matroska", "libx264", COUNT, options=OPEN["libx264"])
    video = open_video(path)
    before = np.concatenate([batch.images for batch in read_frames(video, 4)])
    packet = packets_of(path)[26]
    damaged = int(video.order.number[26])
    keys = video.order.number[video.order.packets.key]
    half = len(packet) // 2
    overwrite(path, packet, packet[:half] + np.random.default_rng(seed).bytes(len(packet) - half))
    batches = list(read_frames(open_video(path), 4))
    images = np.concatenate([batch.images for batch in batches])
    readable = np.concatenate([batch.readable for batch in batches])
    later = int(min(key for key in keys if key > damaged))
    assert readable[later:].all()
    np.testing.assert_array_equal(images[later:], before[later:])
    assert readable[: max(key for key in keys if key <= damaged)].all()
