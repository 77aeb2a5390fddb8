"""Frames of a video from undamaged packets, with the pixels that OpenCV gives.

PyAV decodes, because only it says which frame a picture is and which pictures are damaged
(:mod:`dlcx.data.verified_decoding`).  The pixels are OpenCV's, because DeepLabCut reads with OpenCV and networks are
sensitive to small differences: pictures are converted to the same pixels (:mod:`dlcx.data.av_frames`), and where the
first one turns out different, OpenCV decodes beside PyAV (:mod:`dlcx.data.opencv_frames`).  PyAV's own pixels are used
where OpenCV cannot give a frame: since 4.13 it returns uninitialized memory for interlaced pictures, and it cannot find
a frame without a time stamp of its own.
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
from dlcx.data.prefetch import ahead
from dlcx.data.verified_decoding import decode_verified
from dlcx.data.video_file import VideoFile

logger = logging.getLogger(__name__)

#: Most pictures that wait for their conversion, and most bytes of them.
AHEAD, AHEAD_BYTES = 32, 64 * 2**20


class VerifiedFrame(NamedTuple):
    """A frame's number, image (h, w, 3) uint8, whether that is BGR, and whether it equals the frame before."""

    number: int
    image: np.ndarray
    is_bgr: bool
    repeated: bool

    def write(self, into: np.ndarray, crop: tuple[int, int, int, int]) -> None:
        """Put the region ``crop`` (x1, x2, y1, y2) into an array (y2 - y1, x2 - x1, 3) as RGB."""
        x1, x2, y1, y2 = crop
        region = self.image[y1:y2, x1:x2]
        if self.is_bgr:
            cv2.cvtColor(region, cv2.COLOR_BGR2RGB, dst=into)
        else:
            into[:] = region


def read_verified_frames(video: VideoFile, first: int, end: int) -> Iterator[VerifiedFrame]:
    """Every sound frame from ``first`` to ``end``, in order."""
    earlier = max(first - 1, 0)
    decoded = decode_verified(video.path, video.order, earlier, min(end, video.stored_frames))
    before: tuple[int, np.ndarray] | None = None
    with closing(ahead(decoded, _most(video), f"decode pictures of {video.path.name}")) as pictures:
        for number, image, is_bgr in _images(video, pictures, end):
            if number >= first:
                repeated = before is not None and before[0] == number - 1 and _same(before[1], image)
                yield VerifiedFrame(number, image, is_bgr, repeated)
            before = number, image


def _images(video: VideoFile, pictures: Iterator[tuple[int, Any]], end: int) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Number, image and whether it is BGR of every picture: PyAV's as long as OpenCV would give the same."""
    to_image = PictureConverter(video.width, video.height)
    known: set[bool] = set()  # whether progressive and interlaced pictures have been compared
    for number, picture in pictures:
        image = None if video.first_stamp is None else to_image(picture)
        interlaced = picture.interlaced_frame
        if image is None or (interlaced not in known and not _equals_opencv(video, number, image, picture)):
            rest = chain([(number, picture)], pictures)
            own = video.first_stamp is None or interlaced
            yield from _by_av(video, rest) if own else _by_opencv(video, rest, number, end)
            return
        known.add(interlaced)
        yield number, image, False


def _equals_opencv(video: VideoFile, number: int, image: np.ndarray, picture: object) -> bool:
    """Whether OpenCV gives the same pixels for a frame, and that says something about other frames."""
    return reveals_color_space(picture, image) and any(
        np.array_equal(seen[..., ::-1], image) for _, seen in opencv_frames(video, number, number + 1)
    )


def _by_av(video: VideoFile, pictures: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, np.ndarray, bool]]:
    """The pictures as PyAV converts them."""
    to_image = PictureConverter(video.width, video.height, anyhow=True)
    for number, picture in pictures:
        if (image := to_image(picture)) is not None:
            yield number, image, False


def _by_opencv(
    video: VideoFile, pictures: Iterable[tuple[int, Any]], first: int, end: int
) -> Iterator[tuple[int, np.ndarray, bool]]:
    """The same frames from ``first`` to ``end`` as OpenCV decodes them."""
    logger.debug("%s: from frame %d on OpenCV decodes, too", video.path.name, first)
    images = opencv_frames(video, first, end)
    seen, image = next(images, (end, np.zeros(0)))
    for number, _ in pictures:
        while seen < number:
            seen, image = next(images, (end, np.zeros(0)))
        if seen == number:
            yield number, image, True


def _most(video: VideoFile) -> int:
    """How many pictures of a video wait for their conversion at most."""
    return min(AHEAD, AHEAD_BYTES // (3 * video.width * video.height))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are equal; most differ in the few pixels that are compared first."""
    return np.array_equal(one[::16, ::16], other[::16, ::16]) and np.array_equal(one, other)
