from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bad_videos import H264, encode, numbered
from small_videos import write_video

from dlcx.data.packets import NO_STAMP, is_cut_short, list_packets, open_capture, open_stream, seek_packets
from dlcx.errors import DlcxError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return encode(tmp_path / "v.mp4", numbered(30), *H264, "-bf", "2", "-b_strategy", "0")


def test_packets_are_listed_in_decoding_order(path: Path) -> None:
    packets = list_packets(path)
    assert (len(packets), packets.codec) == (30, "h264")
    assert (np.diff(packets.dts) > 0).all()
    assert not (np.diff(packets.pts) > 0).all()  # B-frames are displayed in another order
    assert packets.key[0]
    assert not (packets.corrupt | packets.discarded | packets.hidden).any()
    assert packets.size.min() > 0


@pytest.mark.parametrize("begin", [0, 1, 12, 29])
def test_reading_from_a_packet_includes_the_first_one(path: Path, begin: int) -> None:
    packets = list_packets(path)
    with open_stream(path) as (container, stream):
        found = seek_packets(container, stream, packets, begin)
        assert found is not None
        indices = [index for index, _ in found]
    assert indices == [0, *range(max(begin, 1), 30)]


def test_a_packet_without_a_time_stamp_cannot_be_sought(path: Path) -> None:
    packets = list_packets(path)
    packets.dts[12] = NO_STAMP
    with open_stream(path) as (container, stream):
        assert seek_packets(container, stream, packets, 12) is None


def test_a_packet_is_recognized_only_if_it_is_unique(path: Path) -> None:
    packets = list_packets(path)
    with open_stream(path) as (container, stream):
        read = [packet for packet in container.demux(stream) if packet.size]
        assert [packets.find(packet) for packet in read] == list(range(30))
        packets.pts[4], packets.dts[4], packets.size[4] = packets.pts[3], packets.dts[3], packets.size[3]
        assert packets.find(read[3]) is None


@pytest.mark.parametrize(("name", "codec"), [("v.avi", "MJPG"), ("v.mp4", "mp4v")])
def test_truncated_files_are_recognized(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, 10, codec=codec)
    content = path.read_bytes()
    assert not is_cut_short(path)
    path.write_bytes(content[:-1])
    assert is_cut_short(path)
    path.write_bytes(b"no video at all")
    assert not is_cut_short(path)


def test_files_that_are_no_videos_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"no video at all" * 50)
    with pytest.raises(DlcxError, match="cannot be opened as a video") as caught:
        open_capture(path)
    assert "ffmpeg -i" in caught.value.hint
    with pytest.raises(DlcxError, match="cannot be opened as a video"):
        list_packets(path)
