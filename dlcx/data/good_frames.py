"""The frames of a video that can be trusted, by as few decoders as can give them.

Pixels are OpenCV's, because DeepLabCut reads with OpenCV and nets are sensitive to small differences.  A sound video
is decoded by PyAV, where that is installed, in a thread of its own, and converted here to the pixels that OpenCV would
give (:mod:`dlcx.data.av_frames`).  From the first frame on where anything is odd (damaged, missing, of another size or
time) OpenCV decodes (:mod:`dlcx.data.opencv_frames`), and PyAV decodes too, to tell which frames are only patched up
(:mod:`dlcx.data.frame_check`).  Interlaced pictures are PyAV's alone: for them OpenCV gives whatever was in
memory since 4.13, black at best.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from dlcx.data.ahead import ahead
from dlcx.data.av_frames import ToImage, shows_its_colours, sound_pictures
from dlcx.data.frame_check import AV, FrameCheck, told_pictures
from dlcx.data.opencv_frames import SEEK_MARGIN, frame_at, opencv_frames
from dlcx.data.packets import SAME_TIME

if TYPE_CHECKING:
    from dlcx.data.video import VideoFile

logger = logging.getLogger(__name__)

#: Most pictures that wait for their conversion, and most bytes of them.
AHEAD, AHEAD_BYTES = 32, 64 * 2**20
#: Gives the good frames of a video from a first to an end, from one on that is done so far.
Decoder = Callable[["VideoFile", int, int, int], Iterator["GoodFrame"]]


class GoodFrame(NamedTuple):
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


def good_frames(video: VideoFile, first: int, end: int) -> Iterator[GoodFrame]:
    """Every good frame from ``first`` to ``end``, in order."""
    others: Decoder = _by_opencv
    done = first
    if video.checked_by == AV and video.first_stamp is not None:
        done, others = yield from _sound(video, first, end)
    if done < end:
        logger.debug("%s: from frame %d on %s", video.path.name, done, others.__name__)
        yield from others(video, first, end, done)


def _sound(video: VideoFile, first: int, end: int) -> Generator[GoodFrame, None, tuple[int, Decoder]]:
    """Frames from ``first`` on as PyAV decodes them, up to one where anything is odd; its number, and who goes on."""
    to_image = ToImage(video.width, video.height)
    number = earlier = max(first - 1, 0)
    before: np.ndarray | None = None
    others: Decoder = _by_opencv
    interlaced = False
    decoded = sound_pictures(video.path, video.first_stamp or 0.0, _before(video, earlier))
    with closing(ahead(decoded, _most(video), f"decode pictures of {video.path.name}")) as pictures:
        for time, picture, known in pictures:
            if not known:
                others = _by_av
                break
            if time < video.times[earlier] - SAME_TIME:  # decoded on the way there
                continue
            if abs(time - video.times[number]) > SAME_TIME or number == video.torn:
                break
            new = before is None or (picture.interlaced_frame and not interlaced)
            image = to_image(picture)
            if image is None or (new and not _equals_opencv(video, number, image, picture)):
                others = _by_av if picture.interlaced_frame else _by_opencv
                break
            interlaced = interlaced or picture.interlaced_frame
            if number >= first:
                yield GoodFrame(number, image, False, before is not None and _same(before, image))
            number, before = number + 1, image
            if number == end:
                break
    return max(first, number), others


def _equals_opencv(video: VideoFile, number: int, image: np.ndarray, picture: object) -> bool:
    """Whether OpenCV gives the same pixels for a frame, and that says something about other frames."""
    return shows_its_colours(picture, image) and any(
        np.array_equal(seen[..., ::-1], image) for _, seen in opencv_frames(video, number, number + 1)
    )


def _by_av(video: VideoFile, first: int, end: int, done: int) -> Iterator[GoodFrame]:
    """Good frames from ``done`` on as PyAV decodes them, beginning as :func:`_by_opencv`."""
    to_image = ToImage(video.width, video.height, anyhow=True)
    earlier = max(first - 1, 0)
    told = told_pictures(video.path, video.first_stamp or 0.0, _before(video, earlier))
    before: tuple[int, np.ndarray] | None = None
    with closing(ahead(told, _most(video), f"decode pictures of {video.path.name}")) as pictures:
        for time, damaged, picture in pictures:
            number = frame_at(video, time)
            if number == end:
                return
            if number is None or number < max(earlier, done - 1) or damaged or number == video.torn:
                continue
            if (image := to_image(picture)) is not None:
                if number >= done:
                    yield GoodFrame(number, image, False, _repeats(before, number, image))
                before = number, image


def _by_opencv(video: VideoFile, first: int, end: int, done: int) -> Iterator[GoodFrame]:
    """Good frames from ``done`` on as OpenCV decodes them.

    What decoders make of damage hangs on where they began, so they begin at ``first`` in any case.
    """
    earlier = max(first - 1, 0)
    stamp = video.first_stamp
    check = None if stamp is None else FrameCheck(video.path, stamp, _before(video, earlier), video.checked_by)
    before: tuple[int, np.ndarray] | None = None
    try:
        for number, image in opencv_frames(video, earlier, end, shown=max(done - 1, 0)):
            if number == video.torn or (check is not None and check.is_damaged(video.times[number])):
                continue
            if number >= done:
                yield GoodFrame(number, image, True, _repeats(before, number, image))
            before = number, image
    finally:
        if check is not None:
            check.close()


def _before(video: VideoFile, number: int) -> float:
    """Time (s) from the first frame to seek, so that frame ``number`` is decoded with what it refers to."""
    return float(video.times[max(number - SEEK_MARGIN, 0)])


def _most(video: VideoFile) -> int:
    """How many pictures of a video wait for their conversion at most."""
    return min(AHEAD, AHEAD_BYTES // (3 * video.width * video.height))


def _repeats(before: tuple[int, np.ndarray] | None, number: int, image: np.ndarray) -> bool:
    """Whether frame ``number`` shows the same as the frame before it, which is ``before`` if that was good."""
    return before is not None and before[0] == number - 1 and _same(before[1], image)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two images are equal; most differ in the few pixels that are compared first."""
    return np.array_equal(one[::16, ::16], other[::16, ::16]) and np.array_equal(one, other)
