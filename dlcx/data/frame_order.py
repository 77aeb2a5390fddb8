"""Which frame each packet of a video shows: frame n is the n-th picture that ffmpeg, OpenCV and DeepLabCut show.

Time stamps tell it where a container has them, which takes a fraction of a second for minutes of video.  The first
pictures are decoded to see whether they come in that order.  Where they do not, or stamps are missing, repeated or made
up (AVI, raw streams), the video is decoded once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from dlcx.data.decoding import FLAGGING, decode_packets
from dlcx.data.packets import NO_STAMP, SAME_TIME, Packets, list_packets

logger = logging.getLogger(__name__)

#: Pictures that are decoded to check the order, fewer of large ones, and packets that may pass without one.
PROBED_FRAMES, PROBED_PIXELS, PROBED_PACKETS = 24, 2**25, 256
#: Codecs whose pictures ffmpeg's parsers put in order where a container has no presentation times.
PARSED = ("mpeg1video", "mpeg2video", "mpeg4")
#: Bytes of an MPEG-4 packet that may be a placeholder, which shows nothing.
PLACEHOLDER = 8


@dataclass(frozen=True, eq=False)
class FrameOrder:
    """The frames (N,) that the packets (P,) of a video show.

    number (P,) int: the frame that a packet shows, -1 where it shows none; times (N,) s from the first frame;
    first_stamp (s): what OpenCV says of the first frame's time, None where its times tell nothing; strict: whether the
    decoder is to refuse damaged packets, see :func:`dlcx.data.decoding.decode_packets`.
    """

    packets: Packets
    number: np.ndarray
    times: np.ndarray
    first_stamp: float | None
    strict: bool

    @cached_property
    def packet(self) -> np.ndarray:
        """The packet (N,) that shows a frame."""
        shown = np.flatnonzero(self.number >= 0)
        return shown[np.argsort(self.number[shown])]


def frame_order(path: Path, fps: float) -> FrameOrder:
    """Order of a video's frames; ``fps`` times those without any time stamp.

    Raises
    ------
    DlcxError
        When there is no video stream, or no decoder for it.
    """
    known = path.stat()
    return _frame_order(path.resolve(), fps, (known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns))


@lru_cache(maxsize=8)
def _frame_order(path: Path, fps: float, version: tuple[int, ...]) -> FrameOrder:
    packets = list_packets(path)
    strict = packets.codec not in FLAGGING and _probe(path, packets, strict=True).is_sound
    number = _by_stamps(packets)
    if number is not None:
        number = _without_unshown(packets, number, _probe(path, packets, strict=strict))
    has_stamps = number is not None and (packets.container != "avi" or bool((packets.pts == packets.dts).all()))
    if number is None:
        logger.info("%s: time stamps do not tell the order of the frames: decoding it once", path.name)
        number = _by_decoding(path, packets, strict)
    order = FrameOrder(packets, number, np.zeros(0), None, strict)
    times = _times(packets, order.packet, has_stamps, fps)
    gaps = np.diff(times)
    if has_stamps and len(gaps) and np.median(gaps) <= 2 * SAME_TIME:  # raw Dirac: stamps that only count the frames
        times = np.arange(len(times)) / fps
    first_stamp = None
    if has_stamps and len(times) and (gaps > 2 * SAME_TIME).all():
        first_stamp = float(packets.pts[order.packet[0]] - packets.start) * packets.time_base
    return FrameOrder(packets, number, times, first_stamp, strict)


@dataclass(frozen=True)
class _Probe:
    """The packets whose pictures came out first, in that order, and whether the decoder found no fault."""

    packets: list[int]
    is_sound: bool


def _probe(path: Path, packets: Packets, *, strict: bool) -> _Probe:
    seen: list[int] = []
    sound = not packets.corrupt[:PROBED_FRAMES].any()
    for at, refused, pictures in decode_packets(path, packets, 0, strict=strict):
        sound = sound and not refused and not any(picture.is_corrupt for picture in pictures)
        seen += [picture.pts for picture in pictures if picture.pts is not None]
        most = PROBED_FRAMES
        if pictures:
            most = int(np.clip(PROBED_PIXELS // (pictures[0].width * pictures[0].height), 4, PROBED_FRAMES))
        if len(seen) >= most or at >= PROBED_PACKETS:
            break
    return _Probe(seen, sound and bool(seen))


def _by_stamps(packets: Packets) -> np.ndarray | None:
    """The frame (P,) of every packet in the order of presentation times; None where these cannot be trusted."""
    shown = np.flatnonzero(~(packets.discarded | packets.hidden))
    pts, dts = packets.pts[shown], packets.dts[packets.dts != NO_STAMP]
    if not len(shown) or (pts == NO_STAMP).any() or (np.diff(dts) < 0).any() or len(np.unique(pts)) < len(pts):
        return None
    if packets.codec == "mpeg4" and (packets.size <= PLACEHOLDER).any():
        return None
    if packets.container == "avi" and packets.codec not in PARSED and (packets.pts != packets.dts).any():
        return None
    number = np.full(len(packets), -1)
    number[shown[np.argsort(pts)]] = np.arange(len(shown))
    return number


def _without_unshown(packets: Packets, number: np.ndarray, probe: _Probe) -> np.ndarray | None:
    """The order without packets before the first frame that is shown; None when decoding shows another order."""
    seen = number[probe.packets]
    if not len(seen):
        return number
    steps = np.diff(seen)
    if (seen < 0).any() or (steps < 1).any() or (probe.is_sound and (steps > 1).any()):
        return None
    keys = np.flatnonzero(packets.key)
    first_key = number[keys[0]] if len(keys) else 0
    unshown = max(0, min(seen[0], seen[0] if first_key < 0 else first_key))
    return np.where(number >= unshown, number - unshown, -1)


def _by_decoding(path: Path, packets: Packets, strict: bool) -> np.ndarray:
    """The frame (P,) of every packet in the order in which a decoder shows them; refused ones keep a number."""
    keys = np.flatnonzero(packets.key)
    first_key = int(keys[0]) if len(keys) else 0
    shown: list[int] = []
    refused: list[int] = []
    for at, is_refused, pictures in decode_packets(path, packets, 0, strict=strict):
        if is_refused and at >= first_key and not packets.hidden[at] and not packets.discarded[at]:
            refused.append(at)
        shown += [picture.pts for picture in pictures if picture.pts is not None]
    number = np.full(len(packets), -1)
    lost = [at for at in refused if at not in set(shown)]
    latest = np.maximum.accumulate(np.array(shown, int)) if shown else np.zeros(0, int)
    places = np.searchsorted(latest, lost)  # before the first picture of a later packet
    order = np.insert(np.array(shown, int), places, lost)
    number[order] = np.arange(len(order))
    return number


def _times(packets: Packets, shown: np.ndarray, has_stamps: bool, fps: float) -> np.ndarray:
    """Times (N,) in seconds from the first frame, which never go back; without presentation times those of decoding."""
    pts, dts = packets.pts[shown], np.sort(packets.dts[shown])
    rising = bool((np.diff(pts) >= 0).all()) and packets.container != "avi"
    for stamps, usable in ((pts, has_stamps or rising), (dts, True)):
        if usable and packets.time_base and len(stamps) and (stamps != NO_STAMP).all():
            return (stamps - stamps[0]) * packets.time_base
    return np.arange(len(shown)) / fps
