"""Which frames of a video a decoder has patched up.

OpenCV hands out every frame that its decoder can make up: where bytes are damaged, ffmpeg fills in what was there
before, and nobody tells.  PyAV (the extra ``video``) decodes the same stream and knows.  Without it, frames count as
good unless they cannot be decoded at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlcx.data.ahead import ahead
from dlcx.data.packets import SAME_TIME
from dlcx.paths import decoder_name

logger = logging.getLogger(__name__)

#: Frames that are checked before anyone asks.
AHEAD = 256
OPENCV, AV = "opencv", "opencv and av"


def checked_by() -> str:
    """Who looks at the frames: ``opencv``, or ``opencv and av`` where PyAV is installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        return OPENCV
    return AV


@contextmanager
def open_stream(path: Path, origin: float, start: float) -> Iterator[tuple[Any, Any, float]]:
    """PyAV's container, its video stream, ready to decode from ``start`` or before, and the stamp (s) of time 0.

    ``origin`` and ``start`` are those of :class:`FrameCheck`.  There are as many threads as every damage is told with:
    threads by frames now and then forget one.  H.264 and HEVC forget with threads by slices too, patch up otherwise
    than OpenCV, and after a seek H.264 calls good frames damaged, all depending on the number of threads.
    """
    import av

    av.logging.set_level(None)
    with av.open(decoder_name(path)) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        codec.thread_type = "SLICE"
        if codec.name in ("h264", "hevc"):
            codec.thread_count = 1
        zero = float((stream.start_time or 0) * (stream.time_base or 0)) + origin
        if start > 0:  # the nearest frame before that needs no other one
            container.seek(int((start + zero) / (stream.time_base or 1)), stream=stream)
        yield container, stream, zero


class FrameCheck:
    """Tells of frames asked for in order whether they are patched up.

    Parameters
    ----------
    path
        The video.
    origin
        Time stamp (s) of its first frame, from the beginning of the stream.
    start
        Time (s) from the first frame at which the questions begin.
    by
        Who looks at the frames, as :func:`checked_by` names them.
    """

    def __init__(self, path: Path, origin: float, start: float, by: str) -> None:
        told = told_pictures(path, origin, start) if by == AV else ()
        self._told = ahead(((time, damaged) for time, damaged, _ in told), AHEAD, f"check {path.name}")
        self._next = next(self._told, None)

    def is_damaged(self, time: float) -> bool:
        """Whether the frame at ``time`` seconds from the first one is; times must not go back."""
        while self._next is not None and self._next[0] < time - SAME_TIME:
            self._next = next(self._told, None)
        return self._next is not None and abs(self._next[0] - time) < SAME_TIME and self._next[1]

    def close(self) -> None:
        """Let go of the file."""
        self._told.close()


def told_pictures(path: Path, origin: float, start: float) -> Iterator[tuple[float, bool, Any]]:
    """Time (s) from the first frame, whether it is damaged, and PyAV's picture of every frame that can be decoded.

    ``path``, ``origin`` and ``start`` are those of :class:`FrameCheck`.
    """
    import av

    try:
        with open_stream(path, origin, start) as (container, stream, zero):
            torn: set[int] = set()
            settled = start <= 0
            for frame in _frames(av, container, stream, torn):
                # After a seek H.264's decoder calls good frames corrupt, up to one that resets everything.
                settled = settled or (frame.key_frame and not frame.is_corrupt)
                if frame.time is not None:
                    yield frame.time - zero, (settled and frame.is_corrupt) or frame.pts in torn, frame
    except av.FFmpegError as error:
        logger.info("%s: PyAV decodes no further: %s", path.name, error)


def _frames(av: Any, container: Any, stream: Any, torn: set[int]) -> Iterator[Any]:
    """Every frame that can be decoded; ``torn`` gets the time stamps of packets that the file does not hold whole."""
    for packet in container.demux(stream):
        if packet.is_corrupt and packet.pts is not None:
            torn.add(packet.pts)
        try:
            yield from packet.decode()
        except av.FFmpegError:  # cannot be decoded at all, which OpenCV notices too
            continue
