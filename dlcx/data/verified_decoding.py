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
#: Codecs whose decoders keep references beyond a key frame, so that damage before it can mix them up after it.
KEEPING = ("h264",)
#: ffmpeg's numbers for pictures that are predicted from others (P, B, S).
PREDICTED = (2, 3, 4)


class _NoFreshStartError(Exception):
    """Decoding cannot begin at this key frame: more is lost than it would be in decoding from the start."""


class _DamagedReferencesError(Exception):
    """The decoder has met damage, and may take pictures from before a key frame for what was after it."""

    def __init__(self, key: int, number: int) -> None:
        super().__init__()
        self.key, self.number = key, number


def decode_verified(path: Path, order: FrameOrder, first: int, end: int) -> Iterator[tuple[int, Any]]:
    """Number and PyAV's picture of every sound frame from ``first`` to ``end``, in order."""
    keys = np.flatnonzero(order.packets.key & (order.number >= 0))
    starts, restarted = list(_starts(order, first)), False
    while starts:
        begin = starts.pop(0)
        try:
            for number, picture in _from(path, order, begin, first, end, restarted=restarted):
                yield number, picture
                first = number + 1
            return
        except _NoFreshStartError:
            logger.debug("%s: packet %d is no fresh start", path.name, begin)
            if restarted and starts:
                first = max(first, int(order.number[starts[0]]))
        except _DamagedReferencesError as damaged:
            first, restarted = damaged.number, True
            starts = [int(key) for key in keys[keys >= damaged.key] if order.number[key] < end]


def _starts(order: FrameOrder, first: int) -> Iterator[int]:
    """Packets to begin at so that ``first`` is decoded with what it refers to, the nearest one first."""
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
    check = _Check(order, begin, restarted=restarted)
    for at, refused, pictures in decode_packets(path, order.packets, begin, strict=order.strict):
        check.send(at, refused)
        for picture in pictures:
            check.receive(picture)
        for number, picture in check.sound(ended=at == len(order.packets)):
            if number >= end:
                return
            if number >= first:
                if order.packets.codec in KEEPING and (key := check.key_after_damage(number)) is not None:
                    raise _DamagedReferencesError(key, number)
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
    restarted
        Whether it begins there because of damage before, so that another loss soon after says nothing of the start.
    """

    def __init__(self, order: FrameOrder, begin: int, *, restarted: bool = False) -> None:
        self._fresh_packets = 0 if restarted else FRESH_PACKETS
        self._packet = order.packet
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

    def key_after_damage(self, number: int) -> int | None:
        """The key frame that a frame relies on, where damage was met before it; None where none was."""
        packet = int(self._packet[number])
        key = self._key_of(packet)
        damage = self._damaged[0] if self._damaged else None
        return key if key is not None and damage is not None and self._begin <= damage < key else None

    def _lose(self, packet: int) -> None:
        self._pending.discard(packet)
        insort(self._damaged, packet)
        shown_later = self._number[packet] >= self._number[self._begin]
        if self._begin and packet < self._begin + self._fresh_packets and shown_later:
            raise _NoFreshStartError

    def _is_damaged(self, packet: int) -> bool:
        at = bisect_left(self._damaged, packet)
        return at < len(self._damaged) and self._damaged[at] == packet

    def _key_of(self, packet: int) -> int | None:
        """The nearest key frame that is not shown later than this picture."""
        keys = self._keys[: bisect_right(self._keys, packet)]
        return next((key for key in reversed(keys) if self._number[key] <= self._number[packet]), None)

    def _is_sound(self, packet: int) -> bool:
        """Whether nothing is damaged from the nearest key frame on that this picture can rely on."""
        number, key = self._number, self._key_of(packet)
        if key is None and self._begin:
            return False
        since = self._damaged[bisect_left(self._damaged, key or 0) : bisect_right(self._damaged, packet)]
        # pictures that are decoded after the key frame, but shown before it, are no reference for later ones
        return not any(key is None or number[one] < 0 or number[one] >= number[key] for one in since)
