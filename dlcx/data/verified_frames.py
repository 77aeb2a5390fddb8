"""Frames of a video from undamaged packets, with the pixels that OpenCV gives.

PyAV decodes, because only PyAV says which packet a picture comes from and which pictures are damaged
(:mod:`dlcx.data.verified_decoding`).  The pixels must be OpenCV's, because DeepLabCut reads videos with OpenCV and
networks are sensitive to small differences.  PyAV's pictures are therefore converted to the same pixels
(:mod:`dlcx.data.av_frames`) and compared with OpenCV's first picture.  If the two differ, OpenCV decodes next to PyAV
(:mod:`dlcx.data.opencv_frames`).

PyAV's own pixels are used where OpenCV cannot give a frame: OpenCV returns uninitialized memory for interlaced pictures
since version 4.13, and it cannot find frames without a time stamp of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, NamedTuple

import cv2
import numpy as np

from dlcx.data.av_frames import PictureConverter, reveals_color_space
from dlcx.data.opencv_frames import opencv_frames
from dlcx.data.prefetch import prefetch
from dlcx.data.verified_decoding import decode_verified
from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)

#: Maximum number of decoded pictures, and of their bytes, that wait for conversion.
MAX_WAITING, MAX_WAITING_BYTES = 32, 64 * 2**20


class VerifiedFrame(NamedTuple):
    """A frame decoded from undamaged data.

    Parameters
    ----------
    number
        Frame number, from 0.
    image
        (H, W, 3) uint8, BGR if ``is_bgr``, else RGB.
    is_bgr
        Order of the color channels.
    repeated
        Whether the frame is identical to the frame before it.
    """

    number: int
    image: np.ndarray
    is_bgr: bool
    repeated: bool

    def write(self, into: np.ndarray, crop: tuple[int, int, int, int]) -> None:
        """Copy the region ``crop`` (x1, x2, y1, y2) into an array (y2 - y1, x2 - x1, 3) as RGB."""
        x1, x2, y1, y2 = crop
        region = self.image[y1:y2, x1:x2]
        if self.is_bgr:
            cv2.cvtColor(region, cv2.COLOR_BGR2RGB, dst=into)
        else:
            into[:] = region


def read_verified_frames(video: VideoFile, first: int, end: int) -> Iterator[VerifiedFrame]:
    """Decode the undamaged frames from ``first`` up to, but not including, ``end``.

    Parameters
    ----------
    video
        The video.
    first, end
        Range of frame numbers.

    Yields
    ------
    VerifiedFrame
        Undamaged frames in order; damaged frames are left out.
    """
    start = max(first - 1, 0)  # the frame before the first one decides whether the first one is repeated
    decoded = decode_verified(video.path, video.order, start, min(end, video.stored_frames))
    previous: tuple[int, np.ndarray] | None = None
    with closing(prefetch(decoded, _max_waiting(video), f"decode pictures of {video.path.name}")) as pictures:
        for number, image, is_bgr in _images(video, pictures, end):
            if number >= first:
                repeated = previous is not None and previous[0] == number - 1 and _is_equal(previous[1], image)
                yield VerifiedFrame(number, image, is_bgr, repeated)
            previous = number, image


def _images(video: VideoFile, pictures: Iterator[tuple[int, Any]], end: int) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Number and image of every picture, and whether the image is BGR; PyAV's as long as they equal OpenCV's."""
    convert = PictureConverter(video.width, video.height)
    compared: set[bool] = set()  # progressive and interlaced pictures are compared once each
    for number, picture in pictures:
        image = None if video.first_stamp is None else convert(picture)
        interlaced = picture.interlaced_frame
        if image is None or (interlaced not in compared and not _equals_opencv(video, number, image, picture)):
            rest = chain([(number, picture)], pictures)
            only_av = video.first_stamp is None or interlaced
            yield from _by_av(video, rest) if only_av else _by_opencv(video, rest, number, end)
            return
        compared.add(interlaced)
        yield number, image, False


def _equals_opencv(video: VideoFile, number: int, image: np.ndarray, picture: object) -> bool:
    """Whether OpenCV gives the same pixels for a frame, and the frame is colorful enough to generalize from."""
    return reveals_color_space(picture, image) and any(
        np.array_equal(seen[..., ::-1], image) for _, seen in opencv_frames(video, number, number + 1)
    )


def _by_av(video: VideoFile, pictures: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, np.ndarray, bool]]:
    """The pictures as PyAV converts them."""
    convert = PictureConverter(video.width, video.height, allow_differences=True)
    for number, picture in pictures:
        if (image := convert(picture)) is not None:
            yield number, image, False


def _by_opencv(
    video: VideoFile, pictures: Iterable[tuple[int, Any]], first: int, end: int
) -> Iterator[tuple[int, np.ndarray, bool]]:
    """The same frames, from ``first`` to ``end``, as OpenCV decodes them."""
    logger.debug("%s: OpenCV decodes as well from frame %d on", video.path.name, first)
    images = opencv_frames(video, first, end)
    seen, image = next(images, (end, np.zeros(0)))
    for number, _ in pictures:
        while seen < number:
            seen, image = next(images, (end, np.zeros(0)))
        if seen == number:
            yield number, image, True


def _max_waiting(video: VideoFile) -> int:
    """Maximum number of decoded pictures that wait for conversion."""
    return min(MAX_WAITING, MAX_WAITING_BYTES // (3 * video.width * video.height))


def _is_equal(image: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are identical; comparing few pixels first rejects most pairs."""
    return np.array_equal(image[::16, ::16], other[::16, ::16]) and np.array_equal(image, other)
