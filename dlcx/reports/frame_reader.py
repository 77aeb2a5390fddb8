"""Read the video frames that a page shows in a single pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dlcx.progress import SILENT, Progress

if TYPE_CHECKING:
    from dlcx.data.video_file import VideoFile

#: Maximum number of frames to decode and skip; larger gaps seek.
MAX_SKIPPED = 32


class FrameReader:
    """Collects which frames are needed, then reads each frame once and passes it to all visitors.

    Only one image is in memory at a time; visitors keep what they need of it.
    """

    def __init__(self, video: VideoFile) -> None:
        self._video = video
        self._visitors: dict[int, list[Callable[[int, np.ndarray], None]]] = defaultdict(list)

    def add(self, number: int, visitor: Callable[[int, np.ndarray], None]) -> None:
        """Register a visitor of a frame.

        Parameters
        ----------
        number
            Frame number.
        visitor
            Called with the frame number and the image (h, w, 3), uint8 RGB, which it must not modify.
        """
        self._visitors[int(number)].append(visitor)

    def run(self, progress: Progress = SILENT) -> None:
        """Read the frames in order. Frames that cannot be decoded have no visit."""
        numbers = sorted(self._visitors)
        breaks = [at for at in range(1, len(numbers)) if numbers[at] - numbers[at - 1] > MAX_SKIPPED]
        with progress.task(f"read pictures of {self._video.path.name}", total=len(numbers), unit="frame") as task:
            for begin, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
                self._run(numbers[begin:end])
                task.advance(end - begin)

    def _run(self, numbers: list[int]) -> None:
        from dlcx.data.video import read_frames

        if not numbers:
            return
        wanted = set(numbers)
        for batch in read_frames(self._video, 1, start=numbers[0], stop=numbers[-1] + 1):
            if batch.first in wanted and batch.readable[0]:
                for visitor in self._visitors[batch.first]:
                    visitor(batch.first, batch.images[0])


def spread_frames(video: VideoFile, first: int, stop: int, count: int) -> list[int]:
    """Choose up to ``count`` frames between ``first`` and ``stop``, about evenly spaced and fast to decode.

    The frame before a key frame and the key frame itself need one or two decoded images; other frames need all images
    since the last key frame.

    Returns
    -------
    list of int
        Frame numbers in ascending order.
    """
    even = np.unique(np.linspace(first, stop - 1, min(count, stop - first)).round().astype(int))
    order = video.order
    keys = np.sort(order.number[order.packets.key & (order.number >= 0)]) + 1  # the frame before is decoded as well
    keys = keys[(keys >= first) & (keys < stop)]
    if not len(keys) or len(even) < 3:
        return [int(number) for number in even]
    distance = (even[1] - even[0]) / 2
    at = np.searchsorted(keys, even).clip(1, max(len(keys) - 1, 1))
    before, after = keys[at - 1], keys[np.minimum(at, len(keys) - 1)]
    nearest = np.where(np.abs(before - even) <= np.abs(after - even), before, after)
    numbers: list[int] = np.unique(np.where(np.abs(nearest - even) <= distance, nearest, even)).tolist()
    return numbers
