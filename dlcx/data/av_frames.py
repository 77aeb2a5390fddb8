"""Frames as PyAV decodes them, up to the first trouble, with the pixels that OpenCV would give, bit for bit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dlcx.data.frame_check import open_stream

logger = logging.getLogger(__name__)

#: Codecs whose damage is told, or patched up by PyAV as by OpenCV: HEVC, M-JPEG and VP9 hardly tell any.
CODECS = {"h264", "hevc", "mpeg4", "mjpeg", "mpeg1video", "mpeg2video", "vp9", "rawvideo"}
#: Pixel formats that both convert alike, as tests/data/test_av_frames.py shows.
ALIKE = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray", "bgr24"}
#: Colour spaces that every version of ffmpeg converts alike: not told, and BT.601 in its two variants.
PLAIN = {2, 5, 6}
#: A difference between red and blue at which a wrong colour space shows.
COLOURFUL = 16


def sound_pictures(path: Path, origin: float, start: float) -> Iterator[tuple[float, Any, bool]]:
    """Time (s) from the first frame and PyAV's picture of every frame, until one is damaged, lost or without time.

    That is as far as the codec tells of damage.  The third says whether it is one of :data:`CODECS`; of others there
    are interlaced pictures only.

    Parameters
    ----------
    path
        The video.
    origin
        Time stamp (s) of its first frame, from the beginning of the stream.
    start
        Time (s) from the first frame that must not be missed; some frames before it come too.
    """
    import av

    try:
        with open_stream(path, origin, start) as (container, stream, zero):
            known = stream.codec_context.name in CODECS
            # Otherwise M-JPEG is patched up untold, in each run differently.
            stream.codec_context.options = {"err_detect": "explode"}
            for packet in container.demux(stream):
                if packet.is_corrupt:
                    return
                for frame in packet.decode():
                    if frame.is_corrupt or frame.time is None:
                        return
                    if not (known or frame.interlaced_frame):
                        return
                    yield frame.time - zero, frame, known
    except av.FFmpegError as error:
        logger.debug("%s: PyAV decodes no further: %s", path.name, error)


class ToImage:
    """Converts the pictures of one video to images.

    Parameters
    ----------
    width, height
        Size in pixels that the pictures must have.
    anyhow
        Convert what OpenCV might convert otherwise, too.
    """

    def __init__(self, width: int, height: int, *, anyhow: bool = False) -> None:
        self._size, self._anyhow = (width, height), anyhow
        self._first: tuple[object, ...] | None = None
        self._reformatter: Any = None

    def __call__(self, picture: Any) -> np.ndarray | None:
        """The image (h, w, 3) uint8 RGB; None where OpenCV might give another, or the picture is of another kind."""
        kind = _kind(picture)
        if self._first is None:
            from av.video.reformatter import VideoReformatter

            self._first, self._reformatter = kind, VideoReformatter()
        name, turned, *_ = kind
        if not self._anyhow and (kind != self._first or name not in ALIKE):
            return None
        if turned or (picture.width, picture.height) != self._size:
            return None
        made = self._reformatter.reformat(picture, format="rgb24", interpolation="BICUBIC")  # as OpenCV
        plane = made.planes[0]
        rows = np.frombuffer(plane, np.uint8)[: made.height * plane.line_size].reshape(made.height, plane.line_size)
        return rows[:, : 3 * made.width].reshape(made.height, made.width, 3)


def shows_its_colours(picture: Any, image: np.ndarray) -> bool:
    """Whether this image (h, w, 3) would look different in another colour space than the picture's, if that matters."""
    return int(picture.colorspace) in PLAIN or bool(cv2.absdiff(image[..., 0], image[..., 2]).max() > COLOURFUL)


def _kind(picture: Any) -> tuple[object, ...]:
    return (
        picture.format.name,
        getattr(picture, "rotation", 0),  # since PyAV 14
        int(picture.colorspace),
        int(picture.color_range),
    )
