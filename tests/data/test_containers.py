"""Frame n is the n-th picture, in every container and codec that PyAV's FFmpeg writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from containers import (
    CODECS,
    CONTAINERS,
    NOT_PLAYED,
    UNFINISHED,
    encoders,
    ffmpeg_numbers,
    muxers,
    opencv_numbers,
    shown_number,
    write,
)

from dlcx.data import opencv_frames
from dlcx.data.packets import NO_TIMESTAMPS
from dlcx.data.video import open_video, read_frame, read_frames
from dlcx.data.video_file import VideoFile

COUNT = 18
#: Containers in which a codec is tried first, and codecs that are tried in a container.
USUAL = ("avi", "mov", "matroska", "nut", "mxf", "flv", "gif", "apng", "dirac", "rm", "roq", "fits")
CODECS_OF = {"yuv4mpegpipe": "rawvideo", "ogg": "libvpx", "mxf_opatom": "dnxhd", "swf": "mjpeg", "wtv": "mpeg2video"}
TRIED_CODECS = [name for name in encoders() if name not in NOT_PLAYED]
TRIED_CONTAINERS = [name for name in muxers() if name not in UNFINISHED]


@pytest.fixture(autouse=True)
def _seek_in_short_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv_frames, "SEEK_MARGIN", 3)


def played(path: Path, muxer: str, encoder: str) -> bool:
    """Whether FFmpeg writes these frames and plays all of them again."""
    try:
        write(path, muxer, encoder, COUNT)
    except (av.FFmpegError, ValueError, OSError):
        return False
    return ffmpeg_numbers(path) == list(range(COUNT))


def faults(path: Path, numbers: tuple[int, ...] = tuple(range(COUNT))) -> Iterator[str]:
    """What is wrong when the frames 0 to COUNT are read, from the start and alone, by both readers."""
    video = open_video(path)
    if video.frames != COUNT:
        yield f"{video.frames} frames"
    batches = list(read_frames(video, 4))
    shown = [shown_number(image) for batch in batches for image in batch.images]
    if shown != list(range(COUNT)):
        yield f"shows {shown}"
    if not all(batch.readable.all() for batch in batches):
        yield "unreadable frames"
    with av.open(str(path)) as container:
        has_clock, most = not container.format.flags & NO_TIMESTAMPS, 1.1 if container.format.name == "gxf" else 0.1
    late = np.abs(video.times * 25 - np.arange(video.frames)).max()  # GXF counts fields
    if (has_clock and late > most) or (np.diff(video.times) <= 0).any():
        yield f"times {video.times}"
    for number in numbers:
        image = read_frame(video, number)
        if image is None or shown_number(image) != number:
            yield f"frame {number} alone shows {image if image is None else shown_number(image)}"
    if video.first_stamp is not None and opencv_numbers(path) == list(range(COUNT)):
        for first in (0, *numbers[1::5]):
            yield from by_opencv(video, first)


def by_opencv(video: VideoFile, first: int) -> Iterator[str]:
    found = [(number, shown_number(image)) for number, image in opencv_frames.opencv_frames(video, first, COUNT)]
    if found != [(number, number) for number in range(first, COUNT)]:
        yield f"OpenCV from {first}: {found}"


@pytest.mark.parametrize("encoder", TRIED_CODECS)
def test_every_codec(tmp_path: Path, encoder: str) -> None:
    for muxer in dict.fromkeys((*USUAL, *muxers())):
        if muxer in muxers() and played(path := tmp_path / "v", muxer, encoder):
            assert list(faults(path, (1, 7, 11, 17))) == [], muxer
            return
    if encoder in CODECS:
        pytest.fail("FFmpeg plays it in no container")
    pytest.skip("FFmpeg does not play what it writes")


@pytest.mark.parametrize("muxer", TRIED_CONTAINERS)
def test_every_container(tmp_path: Path, muxer: str) -> None:
    wanted = [name for name in encoders() if muxers()[muxer] in (name, av.Codec(name, "w").canonical_name)]
    for encoder in dict.fromkeys((CODECS_OF.get(muxer), *wanted)):
        if encoder is not None and played(path := tmp_path / "v", muxer, encoder):
            assert list(faults(path, (1, 7, 11, 17))) == [], encoder
            return
    if muxer in CONTAINERS:
        pytest.fail("FFmpeg plays no codec in it")
    pytest.skip("FFmpeg does not play what it writes")


def test_lists_are_complete() -> None:
    """Of the codecs and containers of this FFmpeg, each that is known is tried or left out for a reason."""
    assert not {*CODECS} & {*NOT_PLAYED}
    assert not {*CONTAINERS} & {*UNFINISHED}
    if av.library_versions["libavformat"][:2] == (62, 12):  # PyAV 18.1
        assert {*encoders()} - {"h264", "hevc", "vp8", "vp9"} == {*CODECS, *NOT_PLAYED}
        assert {*muxers()} == {*CONTAINERS, *UNFINISHED}


@pytest.mark.slow
@pytest.mark.parametrize("encoder", TRIED_CODECS)
def test_every_codec_in_every_container(tmp_path: Path, encoder: str) -> None:
    found = {}
    for muxer in muxers():
        if played(path := tmp_path / muxer, muxer, encoder) and (wrong := list(faults(path))):
            found[muxer] = wrong
        path.unlink(missing_ok=True)
    assert found == {}
