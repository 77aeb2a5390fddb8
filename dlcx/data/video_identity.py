"""Which recording a video file holds: told by its content, whatever its name, folder and dates are."""

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

#: Bytes at either end of a file that its fingerprint is made of, besides its size.
FINGERPRINT_BYTES = 2**20


@dataclass(frozen=True)
class VideoHeader:
    """What a file says of its video: number of frames, sizes (w, h) with and without rotation, frames a second."""

    frames: int
    sizes: frozenset[tuple[int, int]]
    fps: float


def fingerprint(path: Path) -> dict[str, str | int]:
    """Name, size and a checksum of both ends of a file: 2 MiB are read, however large it is.

    Raises
    ------
    DlcxError
        When the file cannot be read.
    """
    size = file_size(path)
    digest = hashlib.sha256(str(size).encode())
    with open_binary(path) as file:
        digest.update(file.read(FINGERPRINT_BYTES))
        file.seek(max(0, size - FINGERPRINT_BYTES))
        digest.update(file.read())
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two fingerprints are of the same file content, whatever the files are called."""
    return all(one.get(key) == other.get(key) for key in ("bytes", "sha256"))


def is_same_recording(one: Path, other: Path) -> bool:
    """Whether two files are one, or hold the same content.

    Raises
    ------
    OSError
        When one cannot be read.
    """
    return one.samefile(other) or same_content(fingerprint(one), fingerprint(other))


def read_header(path: Path) -> VideoHeader:
    """Open a video and decode its first frame; its packets are not listed.

    Raises
    ------
    DlcxError
        When OpenCV cannot open the file as a video.
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
