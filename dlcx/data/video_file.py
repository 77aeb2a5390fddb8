"""What is known about a video file before its frames are decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlcx.data.frame_order import FrameOrder
from dlcx.data.video_identity import fingerprint

#: How the frames of a video were numbered and checked; analyses store these texts.
ORDER_FROM_TIMESTAMPS, ORDER_FROM_DECODING = "opencv and av", "av, in decoding order"


@dataclass(frozen=True, eq=False)
class VideoFile:
    """A video whose packets are listed but not decoded, as :func:`dlcx.data.video.open_video` returns it.

    Parameters
    ----------
    path
        The video file.
    width, height
        Size of the displayed frames in pixels, after rotation.
    fps
        Nominal frame rate in frames per second.
    header_frames
        Number of frames according to the container's header.
    order
        Which frame each packet shows.
    times
        Time of each frame, (frames,) in seconds from the first frame.
    first_stamp
        OpenCV's time stamp of the first frame in seconds; None if OpenCV's time stamps do not identify frames.
    truncated_frame
        Number of the frame in whose data the file ends; None for a complete file.
    """

    path: Path
    width: int
    height: int
    fps: float
    header_frames: int
    order: FrameOrder
    times: np.ndarray
    first_stamp: float | None
    truncated_frame: int | None = None

    @property
    def frames(self) -> int:
        """Number of frames, including those that cannot be decoded."""
        return len(self.times)

    @property
    def stored_frames(self) -> int:
        """Number of frames whose data the file contains; the remaining frames were cut off."""
        return len(self.order.times)

    @property
    def checked_by(self) -> str:
        """Which decoders number and check the frames."""
        return ORDER_FROM_DECODING if self.order.first_stamp is None else ORDER_FROM_TIMESTAMPS

    def fingerprint(self) -> dict[str, str | int]:
        """Name, size, checksum and number of frames: enough to recognize a replaced file without reading all of it."""
        return {**fingerprint(self.path), "frames": self.frames}
