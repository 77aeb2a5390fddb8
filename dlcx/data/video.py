"""Read videos in batches of frames with exact frame numbers.

:func:`open_video` lists the packets of the container and determines which frame each packet shows
(:mod:`dlcx.data.frame_order`).  :func:`read_frames` then decodes the frames (:mod:`dlcx.data.verified_frames`) and
identifies each one by its packet.  A frame that cannot be decoded therefore leaves a gap at its own number and does not
shift the frames after it, and seeking is exact even with variable frame rates and B-frames.  Frames are RGB uint8;
times are seconds from the first frame.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from dlcx.data.prefetch import prefetched
from dlcx.data.verified_frames import read_verified_frames
from dlcx.data.video_file import VideoFile
from dlcx.errors import DlcxError
from dlcx.progress import Clock
from dlcx.untrusted_files import MAX_FRAMES, MAX_PIXELS, file_size

logger = logging.getLogger(__name__)

#: Suffixes of the files that count as videos in folders; the same as DeepLabCut's.
VIDEO_SUFFIXES = (".avi", ".mp4", ".mov", ".mpeg", ".mpg", ".mpv", ".mkv", ".flv", ".qt", ".yuv")
#: Endings of the file names of labeled videos, written by dlcx or DeepLabCut.
LABELED_VIDEO_ENDINGS = ("_labeled", "_full")
#: Maximum number of batches, and of their bytes, that are decoded ahead of the consumer.
MAX_QUEUED_BATCHES, MAX_QUEUED_BYTES = 4, 256 * 2**20


@dataclass(frozen=True)
class FrameBatch:
    """Consecutive frames of a video.

    Parameters
    ----------
    first
        Number of the first frame.
    images
        (B, H, W, 3) uint8 RGB; black where a frame cannot be decoded.
    time
        (B,) seconds from the first frame of the video.
    readable
        (B,) bool, False where a frame cannot be decoded.
    repeated
        (B,) bool, True where a frame is identical to the frame before it; default: none.

    Raises
    ------
    ValueError
        If a shape or dtype does not match.
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
                f"FrameBatch.images: expected (B, H, W, 3) uint8, got {self.images.shape} {self.images.dtype}"
            )
        if self.time.shape != (count,) or self.readable.shape != (count,):
            raise ValueError(
                f"FrameBatch.time, .readable: expected ({count},), got {self.time.shape}, {self.readable.shape}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def stop(self) -> int:
        """Number of the frame after the last one."""
        return self.first + len(self)


def find_videos(wanted: Sequence[str | Path]) -> list[Path]:
    """Find the videos that paths, folders and glob patterns name.

    Labeled videos and other output of an analysis are skipped, see :func:`dlcx.data.find_files.find_files`.

    Returns
    -------
    list of Path
        Each video once, in the order of ``wanted``, sorted within a folder or pattern.

    Raises
    ------
    DlcxError
        If a path does not exist, or no video is found.
    """
    return find_files(wanted, VIDEO_SUFFIXES, "video", is_output=is_analysis_output)


def is_analysis_output(path: Path) -> bool:
    """Whether a file is a labeled video or another output of an analysis instead of a recording."""
    if path.suffix.lower() in ANALYSIS_SUFFIXES and re.search("DLC|DeepCut", path.stem):
        return True
    return path.stem.endswith(LABELED_VIDEO_ENDINGS) or is_marked_labeled_video(path)


def open_video(path: Path) -> VideoFile:
    """List the frames of a video without decoding all of them.

    Returns
    -------
    VideoFile
        Size, frame rate, and number and time of every frame.

    Raises
    ------
    DlcxError
        If the file is missing, empty or too large, if OpenCV cannot open it as a video, or if it contains no frame.

    Examples
    --------
    >>> video = open_video(Path("mouse.mp4"))  # doctest: +SKIP
    >>> video.frames, video.width, video.height  # doctest: +SKIP
    (1800, 640, 480)
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
            raise DlcxError(f"{path} is refused: its header announces {announced} frames of {width}x{height} pixels")
        decoded, image = capture.read()
        if decoded:  # the header may ignore the rotation
            height, width = image.shape[:2]
        stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    finally:
        capture.release()
    fps = fps if np.isfinite(fps) and fps > 0 else 30.0

    order = frame_order(path, fps)
    if not len(order.times) or min(width, height) < 1:
        raise DlcxError(f"{path} holds no video frames", hint="Check that it plays in a video player.")
    first_stamp = order.first_stamp
    if not decoded or (first_stamp is not None and frame_at(order.times, stamp - first_stamp) is None):
        first_stamp = None
    cut_short, listed = is_cut_short(path), len(order.packets)
    times = order.times
    if announced > listed and cut_short:
        times = np.concatenate([times, times[-1] + np.arange(1, announced - listed + 1) / fps])
        consequence = "the file is truncated, and the missing frames count as unreadable"
    else:
        consequence = "the existing frames are numbered consecutively"
    if announced > listed + 1:  # containers that estimate the count from the duration may be off by one
        logger.warning(
            "%s: its header announces %d frames, but it contains %d; %s", path.name, announced, listed, consequence
        )
    truncated = int(order.number[-1]) if cut_short and order.number[-1] >= 0 else None
    return VideoFile(path, width, height, fps, announced, order, times, first_stamp, truncated)


def read_frames(
    video: VideoFile,
    batch_size: int,
    *,
    start: int = 0,
    stop: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    clock: Clock | None = None,
) -> Iterator[FrameBatch]:
    """Decode frames in a background thread and return them in batches.

    Batches begin at multiples of ``batch_size``, so the first one may begin before ``start`` and the last one may end
    after ``stop``.  A resumed run, or a run over a part of the video, therefore gets the same batches as a run over the
    full video.

    Parameters
    ----------
    video
        See :func:`open_video`.
    batch_size
        Number of frames per batch.
    start, stop
        First frame, and the frame after the last one; default: all frames.
    crop
        Region of the frames to return as x1, x2, y1, y2 in pixels; default: the full frame.
    clock
        Receives the decoding time under ``decoding``.  Decoding overlaps with the consumer's work.

    Yields
    ------
    FrameBatch
        Every frame exactly once, including frames that cannot be decoded.

    Examples
    --------
    >>> for batch in read_frames(open_video(Path("mouse.mp4")), batch_size=8):  # doctest: +SKIP
    ...     print(batch.first, batch.images.shape)
    0 (8, 480, 640, 3)
    8 (8, 480, 640, 3)
    """
    with frames_ahead(video, batch_size, start=start, stop=stop, crop=crop, clock=clock) as batches:
        yield from batches


@contextmanager
def frames_ahead(
    video: VideoFile,
    batch_size: int,
    *,
    start: int = 0,
    stop: int | None = None,
    crop: tuple[int, int, int, int] | None = None,
    clock: Clock | None = None,
) -> Iterator[Iterator[FrameBatch]]:
    """Decode frames in a background thread while the body runs; parameters as of :func:`read_frames`.

    Yields
    ------
    iterator of FrameBatch
        The batches of :func:`read_frames`, see :func:`dlcx.data.prefetch.prefetched`.
    """
    end = video.frames if stop is None else min(stop, video.frames)
    if start >= end:
        yield iter(())
        return
    first = start // batch_size * batch_size
    end = min(-(-end // batch_size) * batch_size, video.frames)

    x1, x2, y1, y2 = crop or (0, video.width, 0, video.height)
    batch_bytes = batch_size * (x2 - x1) * (y2 - y1) * 3
    batches = _decode(video, batch_size, first, end, (x1, x2, y1, y2))
    timed = batches if clock is None else clock.waiting("decoding", batches)
    max_waiting = min(MAX_QUEUED_BATCHES, MAX_QUEUED_BYTES // batch_bytes)
    with prefetched(timed, max_waiting, f"decode {video.path.name}") as ready:
        yield ready


def read_frame(video: VideoFile, number: int) -> np.ndarray | None:
    """Decode one frame.

    Parameters
    ----------
    video
        See :func:`open_video`.
    number
        Frame number, from 0.

    Returns
    -------
    numpy.ndarray or None
        (H, W, 3) uint8 RGB; None if the frame does not exist or cannot be decoded.
    """
    for batch in read_frames(video, 1, start=number, stop=number + 1):
        return batch.images[0] if batch.readable[0] else None
    return None


def _decode(
    video: VideoFile, batch_size: int, first: int, end: int, crop: tuple[int, int, int, int]
) -> Iterator[FrameBatch]:
    x1, x2, y1, y2 = crop
    decoded = read_verified_frames(video, first, end)
    following = next(decoded, None)
    for begin in range(first, end, batch_size):
        count = min(batch_size, end - begin)
        images = np.empty((count, y2 - y1, x2 - x1, 3), np.uint8)
        readable, repeated = np.zeros(count, bool), np.zeros(count, bool)
        while following is not None and following.number < begin + count:
            at = following.number - begin
            following.write(images[at], (x1, x2, y1, y2))
            readable[at], repeated[at] = True, following.repeated
            following = next(decoded, None)
        images[~readable] = 0
        yield FrameBatch(begin, images, video.times[begin : begin + count], readable, repeated)
