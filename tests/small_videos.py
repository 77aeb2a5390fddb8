"""Small videos whose frames show their own number, and the first frames of other videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIZE = (96, 64)  # width, height


def frame(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Image (h, w, 3) uint8 RGB: 8 stripes of 6 pixels are the number's binary digits, a disc is at :func:`disc`."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    for digit in range(8):
        image[:, 6 * digit : 6 * digit + 6] = 255 * (number >> digit & 1)
    cv2.circle(image, disc(number), 5, (255, 40, 40), -1)
    return image


def disc(number: int) -> tuple[int, int]:
    """Center of the disc, x and y, in the right half."""
    return 60 + number % 24, 20 + number % 16


def told_number(image: np.ndarray) -> int:
    """The number that an image shows."""
    return sum(int(np.median(image[:, 6 * digit + 1 : 6 * digit + 5]) > 127) << digit for digit in range(8))


def write_video(path: Path, count: int, *, codec: str = "MJPG", size: tuple[int, int] = SIZE, fps: float = 25) -> Path:
    """Write ``count`` frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size)
    assert writer.isOpened()
    for number in range(count):
        writer.write(cv2.cvtColor(frame(number, size), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def break_frames(path: Path, first: int, stop: int) -> None:
    """Overwrite the coded bytes of these frames and keep the container intact."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])  # packets, not images
    content = bytearray(path.read_bytes())
    for number in range(stop):
        good, packet = capture.read()
        assert good
        coded = packet.tobytes()
        if number >= first:
            at = content.find(coded)
            assert at >= 0
            content[at : at + len(coded)] = bytes(len(coded))
    path.write_bytes(content)


def first_frames(source: Path, target: Path, count: int, times: int = 1) -> Path:
    """Write the first ``count`` coded frames of a video, as they are, so many times to another file."""
    import av

    with av.open(str(target), "w") as new:
        stream = None
        for number in range(times):
            with av.open(str(source)) as old:
                coded = old.streams.video[0]
                stream = stream or new.add_stream_from_template(coded)
                packets = (packet for packet in old.demux(coded) if packet.dts is not None)
                for packet, _ in zip(packets, range(count), strict=False):
                    later = number * count * packet.duration
                    packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, stream
                    new.mux(packet)
    return target
