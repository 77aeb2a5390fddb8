"""What a video file holds before anything is decoded: its packets and their times, and whether its end is missing."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from dlcx.errors import DlcxError
from dlcx.paths import decoder_name

#: Packets in a row that may be broken before a file counts as ended.
MOST_BROKEN_PACKETS = 100_000
#: Seconds by which two decoders' tellings of one frame's time may differ.
SAME_TIME = 1e-5

# Broken streams are reported by dlcx, once; the decoder's own lines go straight to stderr and number thousands.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def open_capture(path: Path, *, packets: bool = False) -> cv2.VideoCapture:
    """A capture of frames, or of ``packets`` as they are in the file.

    Raises
    ------
    DlcxError
        When OpenCV cannot open the file as a video; a capture of packets may be closed.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)
    try:
        if packets:
            capture = cv2.VideoCapture(decoder_name(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
        else:
            capture = cv2.VideoCapture(decoder_name(path))
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not packets and not capture.isOpened():
        raise DlcxError(
            f"{path} cannot be opened as a video",
            hint="Is it complete, and a format that OpenCV reads? ffmpeg can convert it: ffmpeg -i IN OUT.mp4",
        )
    return capture


def packet_times(path: Path, announced: int) -> tuple[np.ndarray, float]:
    """Presentation times (s), sorted, of all packets, and that of the file's last one; none without such a backend.

    A broken packet gives no time: the gap that it leaves in a regular sequence is filled.
    """
    capture = open_capture(path, packets=True)
    try:
        if not capture.isOpened():
            return np.zeros(0), np.nan
        stamps: list[float] = []
        broken = failed = 0  # before the last good packet; since then
        while len(stamps) + broken + failed <= announced and failed <= MOST_BROKEN_PACKETS:
            if capture.grab():
                stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
                broken, failed = broken + failed, 0
            else:
                failed += 1
        while failed == 0 and capture.grab():  # more than the header tells
            stamps.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    finally:
        capture.release()
    known = np.sort(np.array(stamps))
    return _with_gaps_filled(known, broken) if broken else known, stamps[-1] if stamps else np.nan


def _with_gaps_filled(known: np.ndarray, missing: int) -> np.ndarray:
    """The sequence with ``missing`` more times where steps are too long; as it is where that does not come out even."""
    steps = np.diff(known)
    if not len(steps) or (steps <= 0).any():
        return known
    skipped = np.rint(steps / np.median(steps)).astype(int)
    if (skipped - 1).sum() != missing:
        return known
    whole = np.concatenate([[0], np.cumsum(skipped)])
    return np.interp(np.arange(whole[-1] + 1), whole, known)


def is_cut_short(path: Path) -> bool:
    """Whether an MP4/MOV or AVI file is shorter than its own structure says."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little") > size
        if head[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return False
        at = 0
        while at + 8 <= size:
            file.seek(at)
            box = file.read(16)
            length = int.from_bytes(box[:4], "big")
            if length == 1:
                length = int.from_bytes(box[8:16], "big")
            if length < 8:  # 0: the box reaches to the end of the file
                return False
            at += length
        return at > size
