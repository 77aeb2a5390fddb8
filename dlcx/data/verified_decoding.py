"""Decode the pictures of a video that depend on undamaged packets only.

Decoders conceal damage with content of earlier frames, and every picture predicted from such a picture is wrong as
well.  A frame is therefore verified only if its packet is undamaged, and so is every packet before it, back to a key
frame at which decoding can start.  A frame that is decoded after a key frame but displayed before it may refer to
pictures before that key frame, so it depends on the previous key frame.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.data.decoding import decode_packets
from dlcx.data.frame_order import FrameOrder

logger = logging.getLogger(__name__)

#: Number of packets after a start at a key frame within which a lost picture shows that decoding cannot start there.
CHECKED_PACKETS = 32
#: Codecs whose decoders keep references across a key frame, so that damage before it can affect pictures after it.
KEEPS_REFERENCES = ("h264",)
#: FFmpeg's numbers of the picture types that are predicted from other pictures (P, B, S).
PREDICTED_TYPES = (2, 3, 4)


class _CannotStartHereError(Exception):
    """Decoding cannot start at this key frame: pictures are lost that decoding from the beginning would show."""


class _DamagedReferencesError(Exception):
    """The decoder met damage, and may use pictures from before a key frame as references after it."""

    def __init__(self, key: int, number: int) -> None:
        super().__init__()
        self.key, self.number = key, number


def decode_verified(path: Path, order: FrameOrder, first: int, end: int) -> Iterator[tuple[int, Any]]:
    """Decode the frames from ``first`` up to, but not including, ``end``.

    Parameters
    ----------
    path
        The video file.
    order
        Which frame each packet shows.
    first, end
        Range of frame numbers.

    Yields
    ------
    tuple of int and av.VideoFrame
        Number and picture of every verified frame, in order.

    Raises
    ------
    DlcxError
        If there is no video stream, or no decoder for it.
    """
    keys = np.flatnonzero(order.packets.key & (order.number >= 0))
    starts, restarted = list(_starts(order, first)), False
    while starts:
        begin = starts.pop(0)
        try:
            for number, picture in _from(path, order, begin, first, end, restarted=restarted):
                yield number, picture
                first = number + 1
            return
        except _CannotStartHereError:
            logger.debug("%s: decoding cannot start at packet %d", path.name, begin)
            if restarted and starts:
                first = max(first, int(order.number[starts[0]]))
        except _DamagedReferencesError as damaged:
            first, restarted = damaged.number, True
            starts = [int(key) for key in keys[keys >= damaged.key] if order.number[key] < end]


def _starts(order: FrameOrder, first: int) -> Iterator[int]:
    """Key packets from which frame ``first`` may be decodable with its references, the nearest one first."""
    keys = np.flatnonzero(order.packets.key & (order.number >= 0) & (order.number <= first))
    keys = keys[keys <= order.packet[first]]
    back = 1
    while back <= len(keys) and keys[-back] > 0:
        yield int(keys[-back])
        back *= 4
    yield 0


def _from(
    path: Path, order: FrameOrder, begin: int, first: int, end: int, *, restarted: bool
) -> Iterator[tuple[int, Any]]:
    check = _DamageTracker(order, begin, restarted=restarted)
    for at, rejected, pictures in decode_packets(path, order.packets, begin, strict=order.strict):
        check.send(at, rejected)
        for picture in pictures:
            check.receive(picture)
        for number, picture in check.verified(ended=at == len(order.packets)):
            if number >= end:
                return
            if number >= first:
                if order.packets.codec in KEEPS_REFERENCES and (key := check.key_after_damage(number)) is not None:
                    raise _DamagedReferencesError(key, number)
                yield number, picture


class _DamageTracker:
    """Follows packets into a decoder and pictures out of it, and decides which pictures are undamaged.

    A picture waits until the fate of every packet before its own is known, because some of them are displayed later.

    Parameters
    ----------
    order
        Which frame each packet shows.
    begin
        Index of the packet at which decoding starts.
    restarted
        Whether decoding restarts here after damage, so that a loss soon afterwards does not discredit the start.
    """

    def __init__(self, order: FrameOrder, begin: int, *, restarted: bool = False) -> None:
        self._checked_packets = 0 if restarted else CHECKED_PACKETS
        self._packet = order.packet
        self._number, self._corrupt, self._begin = order.number, order.packets.corrupt, begin
        self._pending: set[int] = set()
        self._waiting: deque[tuple[int, Any]] = deque()
        self._damaged: list[int] = []
        self._keys: list[int] = []
        self._last = -1

    def send(self, packet: int, rejected: bool) -> None:
        """Record that a packet was sent to the decoder."""
        if packet < self._begin or packet >= len(self._number):
            return
        if rejected or self._corrupt[packet]:
            insort(self._damaged, packet)
            if packet == self._begin and packet:
                raise _CannotStartHereError
        if self._number[packet] >= 0 and not rejected:
            self._pending.add(packet)

    def receive(self, picture: Any) -> None:
        """Record a picture that the decoder returned."""
        packet = picture.pts
        if packet is None or packet < self._begin:
            return
        number = int(self._number[packet])
        self._pending.discard(packet)
        if number <= self._last:
            if number >= 0:  # displayed too late
                insort(self._damaged, packet)
            return
        self._last = number
        for lost in [one for one in self._pending if self._number[one] < number]:
            self._lose(lost)
        if picture.is_corrupt:
            insort(self._damaged, packet)
        elif picture.key_frame and int(picture.pict_type) not in PREDICTED_TYPES and not self._is_damaged(packet):
            insort(self._keys, packet)
        if packet == self._begin and packet and packet not in self._keys:
            raise _CannotStartHereError
        self._waiting.append((packet, picture))

    def verified(self, *, ended: bool) -> Iterator[tuple[int, Any]]:
        """Number and picture of the undamaged frames whose fate is decided."""
        if ended:
            for lost in list(self._pending):
                self._lose(lost)
        while self._waiting and not any(one < self._waiting[0][0] for one in self._pending):
            packet, picture = self._waiting.popleft()
            if self._is_undamaged(packet):
                yield int(self._number[packet]), picture

    def key_after_damage(self, number: int) -> int | None:
        """Key packet that a frame depends on, if damage occurred before that packet; otherwise None."""
        packet = int(self._packet[number])
        key = self._key_of(packet)
        damage = self._damaged[0] if self._damaged else None
        return key if key is not None and damage is not None and self._begin <= damage < key else None

    def _lose(self, packet: int) -> None:
        self._pending.discard(packet)
        insort(self._damaged, packet)
        shown_later = self._number[packet] >= self._number[self._begin]
        if self._begin and packet < self._begin + self._checked_packets and shown_later:
            raise _CannotStartHereError

    def _is_damaged(self, packet: int) -> bool:
        at = bisect_left(self._damaged, packet)
        return at < len(self._damaged) and self._damaged[at] == packet

    def _key_of(self, packet: int) -> int | None:
        """The nearest key packet that is not displayed after this picture."""
        keys = self._keys[: bisect_right(self._keys, packet)]
        return next((key for key in reversed(keys) if self._number[key] <= self._number[packet]), None)

    def _is_undamaged(self, packet: int) -> bool:
        """Whether no packet from the key frame that this picture depends on up to the picture is damaged."""
        number, key = self._number, self._key_of(packet)
        if key is None and self._begin:
            return False
        since = self._damaged[bisect_left(self._damaged, key or 0) : bisect_right(self._damaged, packet)]
        # pictures that are decoded after the key frame but displayed before it are no references for later pictures
        return not any(key is None or number[one] < 0 or number[one] >= number[key] for one in since)
