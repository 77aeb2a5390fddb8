"""Damaged, unusual and invalid videos, written by the FFmpeg of imageio-ffmpeg.

Their frames show their own number (:mod:`small_videos`), which reveals shifts.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from small_videos import frame


def encode(path: Path, images: list[np.ndarray], *options: str, fps: float = 25, before: tuple[str, ...] = ()) -> Path:
    """A video of these images (h, w, 3) uint8 RGB; ``options`` are those of ffmpeg's output."""
    height, width = images[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), *before, "-i", "-"]
    command = [get_ffmpeg_exe(), "-y", "-loglevel", "error", *source, *options, str(path)]
    subprocess.run(command, input=b"".join(image.tobytes() for image in images), check=True)
    return path


def remux(source: Path, path: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    """The same coded frames with other packaging."""
    command = [
        get_ffmpeg_exe(),
        "-y",
        "-loglevel",
        "error",
        *before,
        "-i",
        str(source),
        "-c",
        "copy",
        *options,
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


def numbered(count: int) -> list[np.ndarray]:
    """Frames that show their own number."""
    return [frame(number) for number in range(count)]


H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "12", "-threads", "1")
NO_B = (*H264, "-bf", "0")


def packets(path: Path) -> list[bytes]:
    """The coded frames, in the order of the file."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    coded = []
    while True:
        good, packet = capture.read()
        if not good:
            return coded
        coded.append(packet.tobytes())


def damage(path: Path, numbers: list[int], *, seed: int = 1) -> None:
    """Overwrite the second half of these coded frames with noise and keep the container intact."""
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    coded = packets(path)
    for number in numbers:
        tail = coded[number][-16:]  # OpenCV hands out H.264 with other separators, but ends as they are
        assert content.count(tail) == 1
        end = content.find(tail) + len(tail)
        half = max(len(coded[number]) // 2, 8)
        content[end - half : end] = rng.integers(0, 256, half, dtype=np.uint8).tobytes()
    path.write_bytes(content)
