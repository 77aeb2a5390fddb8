from __future__ import annotations

from pathlib import Path

from bad_videos import H264, NO_B, encode, numbered
from small_videos import break_frames, told_number, write_video

from dlcx.data.decoding import decode_packets
from dlcx.data.packets import list_packets


def test_pictures_carry_the_index_of_their_packet(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", numbered(30), *H264, "-bf", "2", "-b_strategy", "0")
    packets = list_packets(path)
    shown = {
        picture.pts: told_number(picture.to_ndarray(format="rgb24"))
        for decoded in decode_packets(path, packets, 0, strict=False)
        for picture in decoded.pictures
    }
    order = sorted(range(30), key=lambda index: packets.pts[index])
    assert shown == {packet: number for number, packet in enumerate(order)}


def test_decoding_may_start_at_a_key_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", numbered(30), *NO_B)
    packets = list_packets(path)
    assert packets.key[12]
    decoded = list(decode_packets(path, packets, 12, strict=False))
    assert [one.packet for one in decoded] == [0, *range(12, 31)]
    assert [picture.pts for one in decoded for picture in one.pictures if picture.pts] == list(range(12, 30))


def test_a_damaged_packet_is_rejected(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", 6)
    break_frames(path, 3, 4)
    rejected = [one.packet for one in decode_packets(path, list_packets(path), 0, strict=True) if one.rejected]
    assert rejected == [3]
