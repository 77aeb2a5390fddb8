"""Identify a recording by the content of its file, independent of name, folder and dates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dlcx.data.packets import open_capture
from dlcx.untrusted_files import file_size, open_binary

#: Number of bytes at each end of a file that enter its fingerprint.
FINGERPRINT_BYTES = 2**20


@dataclass(frozen=True)
class VideoHeader:
    """Properties of a video according to its header.

    Parameters
    ----------
    frames
        Number of frames; 0 if unknown.
    sizes
        (width, height) in pixels with and without rotation.
    fps
        Frames per second; nan if unknown.
    """

    frames: int
    sizes: frozenset[tuple[int, int]]
    fps: float


def fingerprint(path: Path) -> dict[str, str | int]:
    """Compute a fingerprint of a file from its size and both of its ends.

    At most 2 MiB are read, regardless of the file's size.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        ``name``, ``bytes`` (the size) and ``sha256`` (hexadecimal).

    Raises
    ------
    DlcxError
        If the file cannot be read.

    Examples
    --------
    >>> fingerprint(Path("mouse.mp4"))  # doctest: +SKIP
    {'name': 'mouse.mp4', 'bytes': 2310113, 'sha256': '0f0c5e...'}
    """
    size = file_size(path)
    digest = hashlib.sha256(str(size).encode())
    with open_binary(path) as file:
        digest.update(file.read(FINGERPRINT_BYTES))
        file.seek(max(0, size - FINGERPRINT_BYTES))
        digest.update(file.read())
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two fingerprints describe the same content, regardless of file names."""
    return all(one.get(key) == other.get(key) for key in ("bytes", "sha256"))


def is_same_recording(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, or to files with the same content.

    Raises
    ------
    OSError
        If a file does not exist or cannot be inspected.
    DlcxError
        If a file cannot be read.
    """
    return one.samefile(other) or same_content(fingerprint(one), fingerprint(other))


def read_header(path: Path) -> VideoHeader:
    """Read the header of a video and decode its first frame, without listing its packets.

    Parameters
    ----------
    path
        The video file.

    Returns
    -------
    VideoHeader
        Number of frames, sizes and frame rate.

    Raises
    ------
    DlcxError
        If OpenCV cannot open the file as a video.
    """
    capture = open_capture(path)
    try:
        frames = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        sizes = {(int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))}
        decoded, image = capture.read()
    finally:
        capture.release()
    if decoded:
        sizes.add((image.shape[1], image.shape[0]))
    return VideoHeader(frames, frozenset(sizes), fps if np.isfinite(fps) and fps > 0 else np.nan)
