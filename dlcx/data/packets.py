"""The packets of a video stream as the file holds them: listed without decoding, and read again from any of them."""

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

#: Seconds by which two decoders' time stamps of one frame may differ.
SAME_TIME = 1e-5
#: A time stamp that a packet does not have.
NO_STAMP = np.iinfo(np.int64).min
#: Failed reads in a row after which a damaged file counts as ended.
MAX_FAILED_READS = 100
#: Packets after a seek among which one must be recognized.
MAX_UNKNOWN_PACKETS = 1000
#: ffmpeg's flag of containers without time stamps, in which it seeks by guess.
NO_TIMESTAMPS = 0x80
#: Bytes of a Dirac packet that says only that the sequence ends.
DIRAC_END = 13
_CONVERT = "Is it complete, and a format that OpenCV reads? ffmpeg can convert it: ffmpeg -i IN OUT.mp4"
#: Codecs that decode on one thread: with several they miss damage now and then.
SINGLE_THREAD = ("h264", "hevc")

# dlcx reports broken streams once; the decoder's own lines go straight to stderr and number thousands.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets (P,) of a video stream, in the order of the file, which is the order of decoding.

    pts, dts int64: time stamps in units of ``time_base`` seconds, :data:`NO_STAMP` where there is none; start: the time
    stamp at which the container says that the stream begins; size in bytes; key, corrupt, discarded (P,) bool: flags of
    the container.  A decoder shows nothing of packets that are discarded (an edit list cuts them) or hidden (VP8 and
    VP9 decode some pictures for reference only, Dirac ends with a packet without a picture).
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
        """The index of a packet that was read again; None where several look alike, or none does."""
        same = (self.pts == _stamp(packet.pts)) & (self.dts == _stamp(packet.dts)) & (self.size == packet.size)
        found = np.flatnonzero(same)
        return int(found[0]) if len(found) == 1 else None


def open_capture(path: Path) -> cv2.VideoCapture:
    """OpenCV's reader of a video.

    Raises
    ------
    DlcxError
        When OpenCV cannot open the file as a video.
    """
    file_size(path)
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)
    try:
        capture = cv2.VideoCapture(decoder_name(path))
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        raise DlcxError(
            f"{path} cannot be opened as a video",
            hint=_CONVERT,
        )
    return capture


@contextmanager
def open_stream(path: Path) -> Iterator[tuple[Any, Any]]:
    """PyAV's container and the video stream that OpenCV shows, with as many threads as find all damage.

    Raises
    ------
    DlcxError
        When there is no video stream, or no decoder for it.
    """
    import av

    file_size(path)
    av.logging.set_level(None)
    try:
        container = av.open(decoder_name(path))
    except av.FFmpegError as error:
        raise DlcxError(f"{path} cannot be opened as a video: {error.strerror}", hint=_CONVERT) from None
    with container:
        stream = next(iter(container.streams.video), None)  # OpenCV's choice: the first, whichever is the default
        if stream is None or stream.codec_context is None:
            raise DlcxError(f"{path} holds no video stream that can be decoded", hint="Does it play in a video player?")
        stream.codec_context.thread_type = "SLICE"
        if stream.codec_context.name in SINGLE_THREAD:
            stream.codec_context.thread_count = 1
        yield container, stream


def list_packets(path: Path) -> Packets:
    """List the packets of a video's stream.

    Raises
    ------
    DlcxError
        When there is no video stream, or no decoder for it.
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
            hidden &= _takes_no_time(pts)  # in damaged packets the bits that say so are noise
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


def packets_from(container: Any, stream: Any, packets: Packets, begin: int) -> Iterator[tuple[int, Any]] | None:
    """Index and packet of the first one and of all from ``begin`` on; None where seeking fails.

    The first packet comes in any case, because it may hold what the decoder must know for all others.
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
    """Whether an MP4/MOV or AVI file is shorter than its own structure says."""
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
    """The packets from where the container stands on; empty ones, which decoders take for the end, are left out."""
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
    """Whether the time stamp of a packet (P,) is next to that of the packet before or after it."""
    if len(pts) < 3 or (pts == NO_STAMP).any():
        return np.ones(len(pts), bool)
    gaps = np.abs(np.diff(pts))
    nearest = np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    return np.asarray(nearest < np.median(gaps) / 2)


def _is_hidden_vp8(packet: Any) -> bool:
    return not memoryview(packet)[0] & 0x10  # show_frame, RFC 6386


def _is_hidden_vp9(packet: Any) -> bool:
    """Whether the last picture of a VP9 packet is for reference only (VP9 bitstream, 6.2 and annex B)."""
    content = memoryview(packet)
    last = content[-1]
    if last & 0xE0 == 0xC0:  # several pictures and their sizes
        count, width = (last & 7) + 1, (last >> 3 & 3) + 1
        index = 2 + count * width
        if len(content) > index and content[-index] == last:
            sizes = [int.from_bytes(content[1 - index + width * n :][:width], "little") for n in range(count)]
            content = content[sum(sizes[:-1]) :] or content
    head = content[0]
    existing = 2 if head & 0x30 == 0x30 else 3  # the bit of show_existing_frame: profile 3 has one more before it
    return not head >> existing & 1 and not head >> existing - 2 & 1  # neither that nor show_frame


def _is_end_of_dirac(packet: Any) -> bool:
    return bool(packet.size <= DIRAC_END)


_HIDDEN = {"vp8": _is_hidden_vp8, "vp9": _is_hidden_vp9, "dirac": _is_end_of_dirac}
