"""The pictures of a video that were decoded from sound packets only.

A decoder fills in damaged parts from the frame before, and all that is predicted from such a picture is wrong too.  So
a frame counts as sound when its packet and every packet before it, back to a key frame that lets decoding begin, are
sound.  A frame that is decoded after a key frame but shown before it may refer to what was before that key frame, and
relies on the one before.
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

#: Packets after a fresh start among which none may be lost without a reason.
FRESH_PACKETS = 32
#: ffmpeg's numbers for pictures that are predicted from others (P, B, S).
PREDICTED = (2, 3, 4)


class _NoFreshStartError(Exception):
    """Decoding cannot begin at this key frame: more is lost than it would be in decoding from the start."""


def verified_pictures(path: Path, order: FrameOrder, first: int, end: int) -> Iterator[tuple[int, Any]]:
    """Number and PyAV's picture of every sound frame from ``first`` to ``end``, in order."""
    for begin in _starts(order, first):
        try:
            for number, picture in _from(path, order, begin, first, end):
                yield number, picture
                first = number + 1
            return
        except _NoFreshStartError:
            logger.debug("%s: packet %d is no fresh start", path.name, begin)


def _starts(order: FrameOrder, first: int) -> Iterator[int]:
    """Packets to begin at so that ``first`` is decoded with what it refers to, the nearest one first."""
    keys = np.flatnonzero(order.packets.key & (order.number >= 0) & (order.number <= first))
    keys = keys[keys <= order.packet[first]]
    back = 1
    while back <= len(keys) and keys[-back] > 0:
        yield int(keys[-back])
        back *= 4
    yield 0


def _from(path: Path, order: FrameOrder, begin: int, first: int, end: int) -> Iterator[tuple[int, Any]]:
    check = _Check(order, begin)
    for at, refused, pictures in decode_packets(path, order.packets, begin, strict=order.strict):
        check.send(at, refused)
        for picture in pictures:
            check.receive(picture)
        for number, picture in check.sound(ended=at == len(order.packets)):
            if number >= end:
                return
            if number >= first:
                yield number, picture


class _Check:
    """Follows packets into a decoder and pictures out of it, and says which pictures are sound.

    A picture waits until it is known what became of every packet before its own: some are shown later.

    Parameters
    ----------
    order
        The frames that packets show.
    begin
        The packet at which decoding begins.
    """

    def __init__(self, order: FrameOrder, begin: int) -> None:
        self._number, self._corrupt, self._begin = order.number, order.packets.corrupt, begin
        self._pending: set[int] = set()
        self._waiting: deque[tuple[int, Any]] = deque()
        self._damaged: list[int] = []
        self._keys: list[int] = []
        self._last = -1

    def send(self, packet: int, refused: bool) -> None:
        """Note that a packet went into the decoder."""
        if packet < self._begin or packet >= len(self._number):
            return
        if refused or self._corrupt[packet]:
            insort(self._damaged, packet)
            if packet == self._begin and packet:
                raise _NoFreshStartError
        if self._number[packet] >= 0 and not refused:
            self._pending.add(packet)

    def receive(self, picture: Any) -> None:
        """Note a picture that came out."""
        packet = picture.pts
        if packet is None or packet < self._begin:
            return
        number = int(self._number[packet])
        self._pending.discard(packet)
        if number <= self._last:
            if number >= 0:  # too late
                insort(self._damaged, packet)
            return
        self._last = number
        for lost in [one for one in self._pending if self._number[one] < number]:
            self._lose(lost)
        if picture.is_corrupt:
            insort(self._damaged, packet)
        elif picture.key_frame and int(picture.pict_type) not in PREDICTED and not self._is_damaged(packet):
            insort(self._keys, packet)
        if packet == self._begin and packet and packet not in self._keys:
            raise _NoFreshStartError
        self._waiting.append((packet, picture))

    def sound(self, *, ended: bool) -> Iterator[tuple[int, Any]]:
        """Number and picture of the sound frames that wait no more."""
        if ended:
            for lost in list(self._pending):
                self._lose(lost)
        while self._waiting and not any(one < self._waiting[0][0] for one in self._pending):
            packet, picture = self._waiting.popleft()
            if self._is_sound(packet):
                yield int(self._number[packet]), picture

    def _lose(self, packet: int) -> None:
        self._pending.discard(packet)
        insort(self._damaged, packet)
        shown_later = self._number[packet] >= self._number[self._begin]
        if self._begin and packet < self._begin + FRESH_PACKETS and shown_later:
            raise _NoFreshStartError

    def _is_damaged(self, packet: int) -> bool:
        at = bisect_left(self._damaged, packet)
        return at < len(self._damaged) and self._damaged[at] == packet

    def _is_sound(self, packet: int) -> bool:
        """Whether nothing is damaged from the nearest key frame on that this picture can rely on."""
        number = self._number
        keys = self._keys[: bisect_right(self._keys, packet)]
        key = next((key for key in reversed(keys) if number[key] <= number[packet]), None)
        if key is None and self._begin:
            return False
        since = self._damaged[bisect_left(self._damaged, key or 0) : bisect_right(self._damaged, packet)]
        # pictures that are decoded after the key frame, but shown before it, are no reference for later ones
        return not any(key is None or number[one] < 0 or number[one] >= number[key] for one in since)
