"""Frames as OpenCV decodes them, also those that its decoder has made up of damaged bytes."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from dlcx.data.packets import SAME_TIME, open_capture
from dlcx.data.video_file import VideoFile

#: Frames that a seek lands ahead of its target, so that reordered frames are decoded with what they refer to.
SEEK_MARGIN = 32
#: Frames that a decoder holds back at most until the stream ends.
HELD_BACK = 32


def opencv_frames(video: VideoFile, first: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
    """Number and BGR image (h, w, 3) uint8 of every decodable frame from ``first`` to ``end``, in order.

    The time stamps of the video must tell its frames (``video.first_stamp``).
    """
    capture, index = _seek(video, first)
    try:
        while index is not None and index < end:
            if index >= first:
                good, image = capture.retrieve()
                if good and image is not None and image.shape == (video.height, video.width, 3):
                    yield index, image
            last, failed = index, 0
            while index <= last:  # a broken stream may give a frame twice, or too late
                if capture.grab():
                    index = _index(video, capture, last + 1 + failed)
                elif last + (failed := failed + 1) >= video.stored_frames:
                    return  # a packet that cannot be decoded fails once; here they have run out
    finally:
        capture.release()


def _seek(video: VideoFile, first: int) -> tuple[cv2.VideoCapture, int | None]:
    """A capture that has grabbed frame ``first`` or a decodable one near before it, and that frame's number."""
    margin = SEEK_MARGIN
    # In a damaged file seeking may follow an index that tells other numbers than the stream itself.
    while abs(video.header_frames - video.stored_frames) <= 1 and first > margin:
        capture = open_capture(video.path)
        capture.set(cv2.CAP_PROP_POS_FRAMES, first - margin)
        if capture.grab() and (index := _index(video, capture, first + 1)) <= first:
            return capture, index
        capture.release()
        margin *= 8
    capture = open_capture(video.path)
    for failed in range(video.stored_frames):
        if capture.grab():
            return capture, _index(video, capture, failed)
    return capture, None


def _index(video: VideoFile, capture: cv2.VideoCapture, otherwise: int) -> int:
    """Number of the frame just grabbed, by its time stamp; ``otherwise`` where no frame has that one.

    OpenCV gives the time 0 to frames without a stamp, such as the last ones of MPEG program streams.
    """
    assert video.first_stamp is not None
    time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if time == 0 and otherwise > max(1, video.stored_frames - HELD_BACK):
        return otherwise
    number = frame_at(video.times, time - video.first_stamp)
    return otherwise if number is None else number


def frame_at(times: np.ndarray, time: float) -> int | None:
    """Number of the frame at ``time`` seconds from the first one; ``times`` (N,) are those of all frames."""
    nearest = int(np.searchsorted(times, time - SAME_TIME / 10))
    return nearest if nearest < len(times) and abs(times[nearest] - time) < SAME_TIME else None
