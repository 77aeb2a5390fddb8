"""Images of the pictures that PyAV decodes, with the pixels that OpenCV would give, bit for bit."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

#: Pixel formats that both convert alike, as tests/data/test_av_frames.py shows.
ALIKE = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray", "bgr24"}
#: Colour spaces that every version of ffmpeg converts alike: not told, and BT.601 in its two variants.
PLAIN = {2, 5, 6}
#: A difference between red and blue at which a wrong colour space shows.
COLOURFUL = 16


class PictureConverter:
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
        if not self._anyhow and (kind != self._first or name not in ALIKE or turned):
            return None
        made = self._reformatter.reformat(picture, format="rgb24", interpolation="BICUBIC")  # as OpenCV
        plane = made.planes[0]
        rows = np.frombuffer(plane, np.uint8)[: made.height * plane.line_size].reshape(made.height, plane.line_size)
        image = rows[:, : 3 * made.width].reshape(made.height, made.width, 3)
        image = np.rot90(image, round(turned / 90)) if turned else image
        return image if image.shape[1::-1] == self._size else None


def reveals_color_space(picture: Any, image: np.ndarray) -> bool:
    """Whether this image (h, w, 3) would look different in another colour space than the picture's, if that matters."""
    return int(picture.colorspace) in PLAIN or bool(cv2.absdiff(image[..., 0], image[..., 2]).max() > COLOURFUL)


def _kind(picture: Any) -> tuple[str, int, int, int]:
    return (
        picture.format.name,
        picture.rotation,
        int(picture.colorspace),
        int(picture.color_range),
    )
