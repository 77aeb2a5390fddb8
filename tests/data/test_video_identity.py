from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from small_videos import SIZE, write_video

from dlcx.data import video_identity
from dlcx.data.video_identity import fingerprint, is_same_recording, read_header, same_content


def test_a_fingerprint_is_name_size_and_a_checksum_of_both_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_identity, "FINGERPRINT_BYTES", 4)
    path, other = tmp_path / "v.avi", tmp_path / "other.avi"
    path.write_bytes(b"abcd--middle--wxyz")
    expected = hashlib.sha256(b"18abcdwxyz").hexdigest()
    assert fingerprint(path) == {"name": "v.avi", "bytes": 18, "sha256": expected}
    for content, same in (
        (b"abcd--MIDDLE--wxyz", True),
        (b"abcX--middle--wxyz", False),
        (b"abcd--middle--wxyX", False),
    ):
        other.write_bytes(content)
        assert same_content(fingerprint(path), fingerprint(other)) is same
        assert is_same_recording(path, other) is same


def test_a_file_of_another_size_is_another_recording(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"x" * 10)
    other.write_bytes(b"x" * 11)
    assert not is_same_recording(one, other)
    assert is_same_recording(one, one)


def test_the_header_of_a_video(tmp_path: Path) -> None:
    header = read_header(write_video(tmp_path / "v.avi", 7, fps=20))
    assert (header.frames, header.sizes, header.fps) == (7, frozenset({SIZE}), 20)
