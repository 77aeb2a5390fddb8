"""Frames of a video that a page shows are read once, in order."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_videos import write_video

import dlcx.data.video
from dlcx.data.video import open_video, read_frame
from dlcx.reports.frame_reader import MAX_SKIPPED, FrameReader, spread_frames


def test_every_visitor_gets_its_frames_in_order(tmp_path: Path) -> None:
    video = open_video(write_video(tmp_path / "v.avi", 20))
    reader = FrameReader(video)
    seen: list[tuple[str, int]] = []
    for name, numbers in (("a", (9, 2)), ("b", (2, 15))):
        for number in numbers:

            def visit(frame: int, image: np.ndarray, name: str = name) -> None:
                seen.append((name, frame))
                np.testing.assert_array_equal(image, read_frame(video, frame))

            reader.add(number, visit)
    reader.run()
    assert seen == [("a", 2), ("b", 2), ("a", 9), ("b", 15)]


def test_large_gaps_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = open_video(write_video(tmp_path / "v.avi", 100))
    read = dlcx.data.video.read_frames
    ranges = []

    def recorded(opened: object, size: int, *, start: int, stop: int) -> object:
        ranges.append((start, stop))
        return read(opened, size, start=start, stop=stop)

    monkeypatch.setattr(dlcx.data.video, "read_frames", recorded)
    reader = FrameReader(video)
    for number in (3, 3 + MAX_SKIPPED, 3 + 2 * MAX_SKIPPED + 1):
        reader.add(number, lambda *_: None)
    reader.run()
    assert ranges == [(3, 4 + MAX_SKIPPED), (4 + 2 * MAX_SKIPPED, 5 + 2 * MAX_SKIPPED)]


def test_spread_frames_prefer_frames_after_key_frames() -> None:
    """Key frames every 10 frames: the frame after one is the closest that decodes quickly."""
    number = np.arange(100)
    order = SimpleNamespace(number=number, packets=SimpleNamespace(key=number % 10 == 0))
    video = SimpleNamespace(order=order)
    assert spread_frames(video, 0, 100, 5) == [1, 21, 51, 71, 91]
    assert spread_frames(video, 0, 100, 2) == [0, 99]
    assert spread_frames(video, 40, 44, 9) == [40, 41, 42, 43]
