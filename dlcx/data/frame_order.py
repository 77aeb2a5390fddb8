"""Determine which frame each packet of a video shows.

Frame n is the n-th picture that FFmpeg, OpenCV and DeepLabCut show.  If the container has presentation time stamps,
sorting them gives the order within a fraction of a second for minutes of video; the first pictures are decoded to
confirm it.  If they contradict it, or if time stamps are missing, repeated or invented (AVI, raw streams), the whole
video is decoded once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from dlcx.data.decoding import FLAGGING_CODECS, decode_packets
from dlcx.data.packets import NO_STAMP, TIME_TOLERANCE, Packets, list_packets

logger = logging.getLogger(__name__)

#: Limits of the check of the order: decoded pictures, their pixels, and packets.
PROBED_FRAMES, PROBED_PIXELS, PROBED_PACKETS = 24, 2**25, 256
#: Minimum number of pictures that the check decodes, however large they are.
MIN_PROBED_FRAMES = 4
#: Codecs for which FFmpeg's parsers reconstruct the order if the container has no presentation time stamps.
PARSED_CODECS = ("mpeg1video", "mpeg2video", "mpeg4")
#: Maximum size in bytes of an MPEG-4 placeholder packet, which shows nothing.
MAX_PLACEHOLDER = 8


@dataclass(frozen=True, eq=False)
class FrameOrder:
    """The N frames that the P packets of a video show.

    Parameters
    ----------
    packets
        The packets.
    number
        Number of the frame that each packet shows, (P,) int; -1 where it shows none.
    times
        (N,) seconds from the first frame.
    first_stamp
        OpenCV's time stamp of the first frame in seconds; None if OpenCV's time stamps do not identify frames.
    strict
        Whether the decoder must reject damaged packets, see :func:`dlcx.data.decoding.decode_packets`.
    """

    packets: Packets
    number: np.ndarray
    times: np.ndarray
    first_stamp: float | None
    strict: bool

    @cached_property
    def packet(self) -> np.ndarray:
        """Index of the packet that shows each frame, (N,)."""
        shown = np.flatnonzero(self.number >= 0)
        return shown[np.argsort(self.number[shown])]


def frame_order(path: Path, fps: float) -> FrameOrder:
    """Determine the order and the times of a video's frames.

    The last results are cached until a file changes.

    Parameters
    ----------
    path
        The video file.
    fps
        Frame rate that gives the times of a video without time stamps.

    Returns
    -------
    FrameOrder
        Frame number of every packet, and time of every frame.

    Raises
    ------
    DlcxError
        If there is no video stream, or no decoder for it.
    """
    status = path.stat()
    version = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return _frame_order(path.resolve(), fps, version)


@lru_cache(maxsize=8)
def _frame_order(path: Path, fps: float, version: tuple[int, ...]) -> FrameOrder:
    packets = list_packets(path)
    strict = packets.codec not in FLAGGING_CODECS and _probe(path, packets, strict=True).is_undamaged
    number = _by_stamps(packets)
    if number is not None:
        number = _without_unshown(packets, number, _probe(path, packets, strict=strict))
    has_stamps = number is not None and (packets.container != "avi" or bool((packets.pts == packets.dts).all()))
    if number is None:
        logger.info("%s: decoding it once, because its time stamps do not give the order of the frames", path.name)
        number = _by_decoding(path, packets, strict)
    order = FrameOrder(packets, number, np.zeros(0), None, strict)
    times = _times(packets, order.packet, has_stamps, fps)
    gaps = np.diff(times)
    if (
        has_stamps and len(gaps) and np.median(gaps) <= 2 * TIME_TOLERANCE
    ):  # raw Dirac: the time stamps only count frames
        times = np.arange(len(times)) / fps
    first_stamp = None
    if has_stamps and len(times) and (gaps > 2 * TIME_TOLERANCE).all():
        first_stamp = float(packets.pts[order.packet[0]] - packets.start) * packets.time_base
    return FrameOrder(packets, number, times, first_stamp, strict)


@dataclass(frozen=True)
class _Probe:
    """Packets of the first decoded pictures, in output order, and whether the decoder found no damage."""

    packets: list[int]
    is_undamaged: bool


def _probe(path: Path, packets: Packets, *, strict: bool) -> _Probe:
    seen: list[int] = []
    undamaged = not packets.corrupt[:PROBED_FRAMES].any()
    for at, rejected, pictures in decode_packets(path, packets, 0, strict=strict):
        undamaged = undamaged and not rejected and not any(picture.is_corrupt for picture in pictures)
        seen += [picture.pts for picture in pictures if picture.pts is not None]
        limit = PROBED_FRAMES
        if pictures:
            affordable = PROBED_PIXELS // (pictures[0].width * pictures[0].height)
            limit = int(np.clip(affordable, MIN_PROBED_FRAMES, PROBED_FRAMES))
        if len(seen) >= limit or at >= PROBED_PACKETS:
            break
    return _Probe(seen, undamaged and bool(seen))


def _by_stamps(packets: Packets) -> np.ndarray | None:
    """Frame number (P,) of every packet in presentation order; None if the time stamps are unreliable."""
    shown = np.flatnonzero(~(packets.discarded | packets.hidden))
    pts, dts = packets.pts[shown], packets.dts[packets.dts != NO_STAMP]
    if not len(shown) or (pts == NO_STAMP).any() or (np.diff(dts) < 0).any() or len(np.unique(pts)) < len(pts):
        return None
    if packets.codec == "mpeg4" and (packets.size <= MAX_PLACEHOLDER).any():
        return None
    if packets.container == "avi" and packets.codec not in PARSED_CODECS and (packets.pts != packets.dts).any():
        return None
    number = np.full(len(packets), -1)
    number[shown[np.argsort(pts)]] = np.arange(len(shown))
    return number


def _without_unshown(packets: Packets, number: np.ndarray, probe: _Probe) -> np.ndarray | None:
    """Drop the packets before the first frame that decoders show; None if they show frames in another order."""
    seen = number[probe.packets]
    if not len(seen):
        return number
    steps = np.diff(seen)
    if (seen < 0).any() or (steps < 1).any() or (probe.is_undamaged and (steps > 1).any()):
        return None
    keys = np.flatnonzero(packets.key)
    first_key = number[keys[0]] if len(keys) else 0
    unshown = max(0, min(seen[0], seen[0] if first_key < 0 else first_key))
    return np.where(number >= unshown, number - unshown, -1)


def _by_decoding(path: Path, packets: Packets, strict: bool) -> np.ndarray:
    """Frame number (P,) of every packet in the decoder's output order; rejected packets keep a number."""
    keys = np.flatnonzero(packets.key)
    first_key = int(keys[0]) if len(keys) else 0
    shown: list[int] = []
    rejected: list[int] = []
    for at, is_rejected, pictures in decode_packets(path, packets, 0, strict=strict):
        if is_rejected and at >= first_key and not packets.hidden[at] and not packets.discarded[at]:
            rejected.append(at)
        shown += [picture.pts for picture in pictures if picture.pts is not None]
    number = np.full(len(packets), -1)
    lost = [at for at in rejected if at not in set(shown)]
    latest = np.maximum.accumulate(np.array(shown, int)) if shown else np.zeros(0, int)
    places = np.searchsorted(latest, lost)  # before the first picture of a later packet
    order = np.insert(np.array(shown, int), places, lost)
    number[order] = np.arange(len(order))
    return number


def _times(packets: Packets, shown: np.ndarray, has_stamps: bool, fps: float) -> np.ndarray:
    """Times (N,) in seconds from the first frame, never decreasing; decoding times replace missing display times."""
    pts, dts = packets.pts[shown], np.sort(packets.dts[shown])
    rising = bool((np.diff(pts) >= 0).all()) and packets.container != "avi"
    for stamps, usable in ((pts, has_stamps or rising), (dts, True)):
        if usable and packets.time_base and len(stamps) and (stamps != NO_STAMP).all():
            result: np.ndarray = (stamps - stamps[0]) * packets.time_base
            return result
    return np.arange(len(shown)) / fps
