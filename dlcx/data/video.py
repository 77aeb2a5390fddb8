"""Video frames in batches, each frame at its own number.

A container's packets are listed first, and which frame each of them shows (:mod:`dlcx.data.frame_order`).  A decoded
frame is recognized by its packet: frames that cannot be decoded leave a hole at their own place instead of shifting all
that follow, and seeking is exact with variable frame rates and B-frames too.  :mod:`dlcx.data.verified_frames` decodes
them.  Frames are RGB uint8; times are seconds from the first frame.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from dlcx.analysis_files import ANALYSIS_SUFFIXES
from dlcx.data.find_files import find_files
from dlcx.data.frame_order import frame_order
from dlcx.data.labeled_video_mark import is_marked_labeled_video
from dlcx.data.opencv_frames import frame_at
from dlcx.data.packets import is_cut_short, open_capture
from dlcx.data.prefetch import ahead
from dlcx.data.verified_frames import read_verified_frames
from dlcx.data.video_file import VideoFile
from dlcx.errors import DlcxError
from dlcx.progress import Clock
from dlcx.untrusted_files import MAX_FRAMES, MAX_PIXELS, file_size

logger = logging.getLogger(__name__)

#: Suffixes looked for in folders, as DeepLabCut does.
VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mpeg", ".mpg", ".mpv", ".mkv", ".flv", ".qt", ".yuv")
#: Endings of the names of videos that dlcx or DeepLabCut has drawn.
DRAWN_ENDINGS = ("_labeled", "_full")
#: Most batches and most bytes that wait between the reader and the net.
QUEUE_BATCHES, QUEUE_BYTES = 4, 256 * 2**20


@dataclass(frozen=True)
class FrameBatch:
    """Consecutive frames: images (B, h, w, 3) uint8 RGB, time (B,) s, readable (B,) bool; the first is frame ``first``.

    The images are the region ``crop`` of the frames; those of unreadable frames are black.  ``repeated`` (B,) bool
    says which frames show the very pixels of the frame before.
    """

    first: int
    images: np.ndarray
    time: np.ndarray
    readable: np.ndarray
    repeated: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        count = len(self.images)
        if not len(self.repeated):
            object.__setattr__(self, "repeated", np.zeros(count, bool))
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise ValueError(
                f"FrameBatch.images: expected (B, h, w, 3) uint8, got {self.images.shape} {self.images.dtype}"
            )
        if self.time.shape != (count,) or self.readable.shape != (count,):
            raise ValueError(
                f"FrameBatch.time, .readable: expected ({count},), got {self.time.shape}, {self.readable.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def stop(self) -> int:
        """The frame number after the last one."""
        return self.first + len(self)


def find_videos(wanted: Sequence[str | Path]) -> list[Path]:
    """The videos that files, folders and glob patterns name, each once, sorted within a folder or pattern.

    Raises
    ------
    DlcxError
        When a path does not exist, or nothing is found at all.
    """
    return find_files(wanted, VIDEO_SUFFIXES, "video", made=is_analysis_output)


def is_analysis_output(path: Path) -> bool:
    """Whether a file is no recording: a video with poses drawn in, or another file that an analysis leaves."""
    if path.suffix.lower() in ANALYSIS_SUFFIXES and re.search("DLC|DeepCut", path.stem):
        return True
    return path.stem.endswith(DRAWN_ENDINGS) or is_marked_labeled_video(path)


def open_video(path: Path) -> VideoFile:
    """List a video's frames without decoding them.

    Raises
    ------
    DlcxError
        When the file is missing, is no video that OpenCV can open, or holds no frame.
    """
    if path.is_dir():
        raise DlcxError(f"{path} is a folder, not a video")
    if not path.exists():
        raise DlcxError(f"no such video: {path}")
    if not file_size(path):
        raise DlcxError(f"{path} is empty", hint="Copy it again from where it was recorded.")
    capture = open_capture(path)
    try:
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        announced = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS or announced > MAX_FRAMES:
            raise DlcxError(f"{path} is refused: its header tells {announced} frames of {width}x{height} pixels")
        decoded, image = capture.read()
        if decoded:  # what is decoded counts: a header may know nothing of the rotation
            height, width = image.shape[:2]
        stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    finally:
        capture.release()
    fps = fps if np.isfinite(fps) and fps > 0 else 30.0

    order = frame_order(path, fps)
    if not len(order.times) or min(width, height) < 1:
        raise DlcxError(f"{path} holds no video frames", hint="Does it play in a video player?")
    first_stamp = order.first_stamp
    if not decoded or (first_stamp is not None and frame_at(order.times, stamp - first_stamp) is None):
        first_stamp = None
    cut_short, listed = is_cut_short(path), len(order.packets)
    times = order.times
    if announced > listed and cut_short:
        times = np.concatenate([times, times[-1] + np.arange(1, announced - listed + 1) / fps])
        what = "the file was cut off, the others count as unreadable"
    else:
        what = "they are numbered as found"
    if announced > listed + 1:  # by one is off what some containers estimate from the duration
        logger.warning("%s: its header tells %d frames, %d are there; %s", path.name, announced, listed, what)
    torn = int(order.number[-1]) if cut_short and order.number[-1] >= 0 else None
    return VideoFile(path, width, height, fps, announced, order, times, first_stamp, torn)


def read_frames(
    video: VideoFile,
    batch_size: int,
    *,
    start: int = 0,
    stop: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    clock: Clock | None = None,
) -> Iterator[FrameBatch]:
    """Decode frames ``start`` to ``stop`` ahead of the reader, in batches that are the same in every run.

    Batches begin at multiples of ``batch_size``, so the first may begin before ``start`` and the last may end
    after ``stop``: a resumed run, or one of a part of the video, sees the very batches of a whole run.

    Parameters
    ----------
    crop
        x1, x2, y1, y2 in pixels of the frame: the region that the images show; None: the whole frame.
    clock
        Gets what the decoder took, under ``decoding``; it works beside the reader, so that is no waiting.

    Yields
    ------
    FrameBatch
        Every frame exactly once, also those that cannot be decoded.
    """
    end = video.frames if stop is None else min(stop, video.frames)
    if start >= end:
        return
    first = start // batch_size * batch_size
    end = min(-(-end // batch_size) * batch_size, video.frames)

    x1, x2, y1, y2 = crop or (0, video.width, 0, video.height)
    bytes_a_batch = batch_size * (x2 - x1) * (y2 - y1) * 3
    batches = _decode(video, batch_size, first, end, (x1, x2, y1, y2))
    timed = batches if clock is None else clock.waiting("decoding", batches)
    most = min(QUEUE_BATCHES, QUEUE_BYTES // bytes_a_batch)
    yield from ahead(timed, most, f"decode {video.path.name}")


def read_frame(video: VideoFile, number: int) -> np.ndarray | None:
    """One frame (h, w, 3) uint8 RGB; None where it cannot be decoded."""
    for batch in read_frames(video, 1, start=number, stop=number + 1):
        return batch.images[0] if batch.readable[0] else None
    return None


def _decode(
    video: VideoFile, batch_size: int, first: int, end: int, crop: tuple[int, int, int, int]
) -> Iterator[FrameBatch]:
    x1, x2, y1, y2 = crop
    decoded = read_verified_frames(video, first, end)
    ahead = next(decoded, None)
    for begin in range(first, end, batch_size):
        count = min(batch_size, end - begin)
        images = np.empty((count, y2 - y1, x2 - x1, 3), np.uint8)
        readable, repeated = np.zeros(count, bool), np.zeros(count, bool)
        while ahead is not None and ahead.number < begin + count:
            at = ahead.number - begin
            ahead.write(images[at], (x1, x2, y1, y2))
            readable[at], repeated[at] = True, ahead.repeated
            ahead = next(decoded, None)
        images[~readable] = 0
        yield FrameBatch(begin, images, video.times[begin : begin + count], readable, repeated)
