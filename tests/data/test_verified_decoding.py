from __future__ import annotations

from pathlib import Path

import pytest
from bad_videos import H264, NO_B, damage, encode, numbered
from small_videos import told_number

from dlcx.data.frame_order import FrameOrder, frame_order
from dlcx.data.verified_decoding import decode_verified


def verified(path: Path, order: FrameOrder, first: int, end: int) -> list[int]:
    found = list(decode_verified(path, order, first, end))
    for number, picture in found:
        assert told_number(picture.to_ndarray(format="rgb24")) == number
    return [number for number, _ in found]


@pytest.mark.parametrize("options", [NO_B, (*H264, "-bf", "2")], ids=["without B-frames", "with B-frames"])
@pytest.mark.parametrize(("first", "end"), [(0, 40), (5, 20), (39, 40)])
def test_all_frames_of_an_undamaged_video_are_verified(
    tmp_path: Path, options: tuple[str, ...], first: int, end: int
) -> None:
    path = encode(tmp_path / "v.mp4", numbered(40), *options)
    assert verified(path, frame_order(path, 25), first, end) == list(range(first, end))


def test_frames_after_a_damaged_packet_are_left_out_until_the_next_key_frame(tmp_path: Path) -> None:
    """Key frames are 0, 12, 24 and 36."""
    path = encode(tmp_path / "v.mp4", numbered(40), *NO_B)
    damage(path, [15])
    order = frame_order(path, 25)
    assert verified(path, order, 0, 40) == [*range(15), *range(24, 40)]
    assert verified(path, order, 20, 40) == list(range(24, 40))
    assert verified(path, order, 13, 15) == [13, 14]
