"""Decode frames with OpenCV, including the frames that its decoder reconstructs from damaged data."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from dlcx.data.packets import TIME_TOLERANCE, open_capture
from dlcx.data.video_file import VideoFile

#: Frames to seek before the target, so that reordered frames are decoded together with their references.
SEEK_MARGIN = 32
#: Maximum number of frames that a decoder holds back until the stream ends.
MAX_DELAY = 32


def opencv_frames(video: VideoFile, first: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frames with OpenCV.

    Parameters
    ----------
    video
        A video whose time stamps identify its frames (``first_stamp`` is not None).
    first, end
        First frame, and the frame after the last one.

    Yields
    ------
    tuple of int and numpy.ndarray
        Number and BGR image (H, W, 3) uint8 of every decodable frame, in order.
    """
    capture, index = _seek(video, first)
    try:
        while index is not None and index < end:
            if index >= first:
                decoded, image = capture.retrieve()
                if decoded and image is not None and image.shape == (video.height, video.width, 3):
                    yield index, image
            last, failed = index, 0
            while index <= last:  # a damaged stream may give a frame twice or too late
                if capture.grab():
                    index = _index(video, capture, last + 1 + failed)
                elif last + (failed := failed + 1) >= video.stored_frames:
                    return  # every undecodable packet fails once; more failures mean the end of the stream
    finally:
        capture.release()


def _seek(video: VideoFile, first: int) -> tuple[cv2.VideoCapture, int | None]:
    """Grab frame ``first``, or a decodable frame shortly before it; return the capture and the frame's number."""
    margin = SEEK_MARGIN
    # In a damaged file, seeking may follow an index whose frame numbers differ from those of the stream.
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


def _index(video: VideoFile, capture: cv2.VideoCapture, default: int) -> int:
    """Number of the frame just grabbed according to its time stamp; ``default`` if no frame has that time stamp.

    OpenCV reports time 0 for frames without a time stamp, such as the last frames of MPEG program streams.
    """
    assert video.first_stamp is not None
    time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
    if time == 0 and default > max(1, video.stored_frames - MAX_DELAY):
        return default
    number = frame_at(video.times, time - video.first_stamp)
    return default if number is None else number


def frame_at(times: np.ndarray, time: float) -> int | None:
    """Find the frame shown at a time.

    Parameters
    ----------
    times
        Times of all frames, (N,) in seconds from the first frame.
    time
        Seconds from the first frame.

    Returns
    -------
    int or None
        Frame number; None if no frame has that time.
    """
    nearest = int(np.searchsorted(times, time - TIME_TOLERANCE / 10))
    return nearest if nearest < len(times) and abs(times[nearest] - time) < TIME_TOLERANCE else None
