"""Record which decoder is used."""

from __future__ import annotations

import pytest

from dlcx.data import verified_frames


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """First frames of the ranges that OpenCV decoded."""
    frames: list[int] = []
    decode = verified_frames._by_opencv

    def note(video, pictures, first, end):
        frames.append(first)
        return decode(video, pictures, first, end)

    monkeypatch.setattr(verified_frames, "_by_opencv", note)
    return frames
