"""Convert PyAV's decoded pictures to images with exactly the pixels that OpenCV would give."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

#: Pixel formats that PyAV and OpenCV convert identically, as tests/data/test_av_frames.py shows.
IDENTICAL_FORMATS = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray", "bgr24"}
#: FFmpeg's numbers of the color spaces that all its versions convert identically: unspecified, and both variants of
#: BT.601.
STABLE_COLOR_SPACES = {2, 5, 6}
#: Minimum difference between red and blue at which a wrong color space becomes visible.
MIN_COLOR_DIFFERENCE = 16


class PictureConverter:
    """Converts the pictures of one video to images.

    Parameters
    ----------
    width, height
        Required size of the images in pixels.
    allow_differences
        Also convert pictures for which OpenCV might give other pixels.
    """

    def __init__(self, width: int, height: int, *, allow_differences: bool = False) -> None:
        self._size, self._allow_differences = (width, height), allow_differences
        self._first: tuple[object, ...] | None = None
        self._reformatter: Any = None

    def __call__(self, picture: Any) -> np.ndarray | None:
        """Convert a picture.

        Parameters
        ----------
        picture
            An ``av.VideoFrame``.

        Returns
        -------
        numpy.ndarray or None
            (H, W, 3) uint8 RGB; None if OpenCV might give other pixels or the size differs.
        """
        properties = _properties(picture)
        if self._first is None:
            from av.video.reformatter import VideoReformatter

            self._first, self._reformatter = properties, VideoReformatter()
        name, rotation, *_ = properties
        if not self._allow_differences and (properties != self._first or name not in IDENTICAL_FORMATS or rotation):
            return None
        converted = self._reformatter.reformat(picture, format="rgb24", interpolation="BICUBIC")  # as OpenCV does
        plane = converted.planes[0]
        rows = np.frombuffer(plane, np.uint8)[: converted.height * plane.line_size]
        image = rows.reshape(converted.height, plane.line_size)[:, : 3 * converted.width]
        image = image.reshape(converted.height, converted.width, 3)
        image = np.rot90(image, round(rotation / 90)) if rotation else image
        return image if image.shape[1::-1] == self._size else None


def reveals_color_space(picture: Any, image: np.ndarray) -> bool:
    """Whether a conversion with the wrong color space would have changed an image.

    Parameters
    ----------
    picture
        An ``av.VideoFrame``.
    image
        The picture as an image (H, W, 3) uint8.

    Returns
    -------
    bool
        True if the image has enough color, or if its color space is one that is always converted identically.
    """
    colorful = cv2.absdiff(image[..., 0], image[..., 2]).max() > MIN_COLOR_DIFFERENCE
    return int(picture.colorspace) in STABLE_COLOR_SPACES or bool(colorful)


def _properties(picture: Any) -> tuple[str, int, int, int]:
    """Pixel format, rotation in degrees, color space and color range."""
    return (
        picture.format.name,
        picture.rotation,
        int(picture.colorspace),
        int(picture.color_range),
    )
