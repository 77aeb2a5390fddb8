"""List the packets of a video stream without decoding them, and read them again from any position."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dlcx.errors import DlcxError
from dlcx.untrusted_files import file_size, open_binary
from dlcx.user_paths import decoder_name

#: Maximum difference in seconds between the time stamps that two decoders give to one frame.
TIME_TOLERANCE = 1e-5
#: Stands for the time stamp of a packet without one.
NO_STAMP = np.iinfo(np.int64).min
#: Number of consecutive failed reads after which a damaged file counts as ended.
MAX_FAILED_READS = 100
#: Number of packets after a seek within which a known packet must appear.
MAX_UNKNOWN_PACKETS = 1000
#: FFmpeg's flag for containers without time stamps, in which seeking is approximate.
NO_TIMESTAMPS = 0x80
#: Size in bytes of a Dirac packet that only marks the end of the sequence.
DIRAC_END = 13
_CONVERT = "Check that the file is complete. If OpenCV cannot read its format, convert it: ffmpeg -i IN OUT.mp4"
#: Codecs that are decoded on one thread, because with several threads they occasionally miss damage.
SINGLE_THREAD_CODECS = ("h264", "hevc")

# dlcx reports a damaged stream once; the decoder would print thousands of lines to stderr.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclass(frozen=True, eq=False)
class Packets:
    """The P packets of a video stream in file order, which is decoding order.

    Parameters
    ----------
    codec, container
        FFmpeg's names.
    time_base
        Unit of the time stamps in seconds.
    start
        Time stamp at which the stream begins according to the container.
    pts, dts
        Presentation and decoding time stamps, (P,) int64; :data:`NO_STAMP` where a packet has none.
    size
        (P,) in bytes.
    key, corrupt
        Flags of the container, (P,) bool.
    discarded
        (P,) bool: packets that an edit list removes, so that decoders show nothing of them.
    hidden
        (P,) bool: packets that contain no displayed picture.  VP8 and VP9 decode some pictures for reference only, and
        Dirac ends with a packet without a picture.
    """

    codec: str
    container: str
    time_base: float
    start: int
    pts: np.ndarray
    dts: np.ndarray
    size: np.ndarray
    key: np.ndarray
    corrupt: np.ndarray
    discarded: np.ndarray
    hidden: np.ndarray

    def __len__(self) -> int:
        return len(self.pts)

    def find(self, packet: Any) -> int | None:
        """Index of a packet that was read again; None unless exactly one listed packet matches."""
        same = (self.pts == _stamp(packet.pts)) & (self.dts == _stamp(packet.dts)) & (self.size == packet.size)
        found = np.flatnonzero(same)
        return int(found[0]) if len(found) == 1 else None


def open_capture(path: Path) -> cv2.VideoCapture:
    """Open a video with OpenCV.

    Parameters
    ----------
    path
        The video file.

    Returns
    -------
    cv2.VideoCapture
        The open capture; the caller releases it.

    Raises
    ------
    DlcxError
        If the file cannot be read, or OpenCV cannot open it as a video.
    """
    file_size(path)
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)
    try:
        capture = cv2.VideoCapture(decoder_name(path))
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        raise DlcxError(f"{path} cannot be opened as a video", hint=_CONVERT)
    return capture


@contextmanager
def open_stream(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a video with PyAV, set up to detect all damage.

    Parameters
    ----------
    path
        The video file.

    Yields
    ------
    tuple
        PyAV's container, and the video stream that OpenCV would read.

    Raises
    ------
    DlcxError
        If there is no video stream, or no decoder for it.
    """
    import av

    file_size(path)
    av.logging.set_level(None)
    try:
        container = av.open(decoder_name(path))
    except av.FFmpegError as error:
        raise DlcxError(f"{path} cannot be opened as a video: {error.strerror}", hint=_CONVERT) from None
    with container:
        stream = next(iter(container.streams.video), None)  # like OpenCV: the first stream, not the default one
        if stream is None or stream.codec_context is None:
            raise DlcxError(
                f"{path} contains no video stream that can be decoded", hint="Check that it plays in a video player."
            )
        stream.codec_context.thread_type = "SLICE"
        if stream.codec_context.name in SINGLE_THREAD_CODECS:
            stream.codec_context.thread_count = 1
        yield container, stream


def list_packets(path: Path) -> Packets:
    """List the packets of a video without decoding them.

    Parameters
    ----------
    path
        The video file.

    Returns
    -------
    Packets
        Time stamps, sizes and flags in file order.

    Raises
    ------
    DlcxError
        If there is no video stream, or no decoder for it.
    """
    with open_stream(path) as (container, stream):
        is_hidden = _HIDDEN.get(stream.codec_context.codec.canonical_name, lambda content: False)
        rows = [
            (
                _stamp(packet.pts),
                _stamp(packet.dts),
                packet.size,
                packet.is_keyframe,
                packet.is_corrupt,
                packet.is_discard,
                is_hidden(packet),
            )
            for packet in _read(container, stream)
        ]
        pts, dts, size, *flags = np.array(rows, np.int64).reshape(-1, 7).T
        key, corrupt, discarded, hidden = (flag.astype(bool) for flag in flags)
        corrupt[-1:] |= is_cut_short(path)
        if stream.codec_context.codec.canonical_name in ("vp8", "vp9"):
            hidden &= _takes_no_time(pts)  # in damaged packets the bits of the flag are noise
        return Packets(
            codec=stream.codec_context.codec.canonical_name,
            container=container.format.name,
            time_base=float(stream.time_base or 0),
            start=stream.start_time or 0,
            pts=pts,
            dts=dts,
            size=size,
            key=key,
            corrupt=corrupt,
            discarded=discarded,
            hidden=hidden,
        )


def seek_packets(container: Any, stream: Any, packets: Packets, begin: int) -> Iterator[tuple[int, Any]] | None:
    """Read the first packet and all packets from ``begin`` on.

    The first packet is always included, because it may contain parameters that the decoder needs for all others.

    Parameters
    ----------
    container, stream
        See :func:`open_stream`.
    packets
        The listed packets.
    begin
        Index of the packet to start at.

    Returns
    -------
    iterator of tuple of int and av.Packet, or None
        Index and packet; None if the container cannot seek to the packet exactly.
    """
    import av

    if begin == 0:
        return enumerate(_read(container, stream))
    if packets.dts[begin] == NO_STAMP or container.format.flags & NO_TIMESTAMPS:
        return None
    first = next(_read(container, stream), None)
    try:
        container.seek(int(packets.dts[begin]), stream=stream)
    except av.FFmpegError:
        return None
    following = _read(container, stream)
    for packet in itertools.islice(following, MAX_UNKNOWN_PACKETS):
        if (at := packets.find(packet)) is not None:
            if at > begin or first is None:
                return None
            found = itertools.chain([packet], following)
            later = ((index, item) for index, item in enumerate(found, at) if index >= begin)
            return itertools.chain([(0, first)], later)
    return None


def is_cut_short(path: Path) -> bool:
    """Whether an MP4, MOV or AVI file is shorter than its own structure declares."""
    size = file_size(path)
    with open_binary(path) as file:
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


def _read(container: Any, stream: Any) -> Iterator[Any]:
    """Read packets from the current position; empty packets are left out, because decoders take them for the end."""
    import av

    failed = 0
    while failed < MAX_FAILED_READS:
        try:
            for packet in container.demux(stream):
                failed = 0
                if packet.size:
                    yield packet
            return
        except av.FFmpegError:
            failed += 1


def _stamp(stamp: int | None) -> int:
    return NO_STAMP if stamp is None else stamp


def _takes_no_time(pts: np.ndarray) -> np.ndarray:
    """Whether a packet (P,) is displayed for less than half the usual time before or after a neighbor."""
    if len(pts) < 3 or (pts == NO_STAMP).any():
        return np.ones(len(pts), bool)
    gaps = np.abs(np.diff(pts))
    nearest = np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    return np.asarray(nearest < np.median(gaps) / 2)


def _is_hidden_vp8(packet: Any) -> bool:
    return not memoryview(packet)[0] & 0x10  # show_frame, RFC 6386


def _is_hidden_vp9(packet: Any) -> bool:
    """Whether the last picture of a VP9 packet is for reference only (VP9 bitstream specification, 6.2 and annex B)."""
    content = memoryview(packet)
    last = content[-1]
    if last & 0xE0 == 0xC0:  # a superframe: several pictures and their sizes
        count, width = (last & 7) + 1, (last >> 3 & 3) + 1
        index = 2 + count * width
        if len(content) > index and content[-index] == last:
            sizes = [int.from_bytes(content[1 - index + width * n :][:width], "little") for n in range(count)]
            content = content[sum(sizes[:-1]) :] or content
    head = content[0]
    existing = 2 if head & 0x30 == 0x30 else 3  # position of show_existing_frame; profile 3 has one more bit before it
    return not head >> existing & 1 and not head >> existing - 2 & 1  # neither show_existing_frame nor show_frame


def _is_end_of_dirac(packet: Any) -> bool:
    return bool(packet.size <= DIRAC_END)


_HIDDEN = {"vp8": _is_hidden_vp8, "vp9": _is_hidden_vp9, "dirac": _is_end_of_dirac}
