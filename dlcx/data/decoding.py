"""Decode packets with PyAV such that every picture carries the index of its packet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dlcx.data.packets import Packets, open_stream, seek_packets

#: Codecs whose decoders flag pictures with concealed damage.  Other decoders must be told to reject damaged packets.
FLAGGING_CODECS = {"h264", "mpeg1video", "mpeg2video", "mpeg4", "h263", "h263p", "flv1"}
FLAGGING_CODECS |= {"msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "rv10", "rv20"}


class DecodedPacket(NamedTuple):
    """The result of sending one packet to the decoder.

    Parameters
    ----------
    packet
        Index of the packet; the number of packets when the decoder is flushed at the end.
    rejected
        Whether the decoder rejected the packet.
    pictures
        The ``av.VideoFrame`` objects that the decoder returned; their ``pts`` is the index of their packet.
    """

    packet: int
    rejected: bool
    pictures: list[Any]


def decode_packets(path: Path, packets: Packets, begin: int, *, strict: bool) -> Iterator[DecodedPacket]:
    """Decode the first packet and all packets from ``begin`` on.

    Parameters
    ----------
    path
        The video file.
    packets
        Its packets, see :func:`dlcx.data.packets.list_packets`.
    begin
        Index of the packet to start at.
    strict
        Let the decoder reject damaged packets instead of concealing the damage.

    Yields
    ------
    DecodedPacket
        One entry per packet and one for the flush at the end.

    Raises
    ------
    DlcxError
        If there is no video stream, or no decoder for it.
    """
    with open_stream(path) as (container, stream):
        found = seek_packets(container, stream, packets, begin)
        if found is not None:
            yield from _decode(stream, found, len(packets), strict, begin)
            return
    with open_stream(path) as (container, stream):  # no exact seek: read the earlier packets without decoding them
        everything = seek_packets(container, stream, packets, 0)
        assert everything is not None
        wanted = ((index, packet) for index, packet in everything if index == 0 or index >= begin)
        yield from _decode(stream, wanted, len(packets), strict, begin)


def _decode(
    stream: Any, found: Iterator[tuple[int, Any]], count: int, strict: bool, begin: int
) -> Iterator[DecodedPacket]:
    import av

    if strict:
        stream.codec_context.options = {"err_detect": "explode"}
    for index, packet in found:
        if index >= count:  # the file has grown
            break
        packet.pts = packet.dts = index
        try:
            pictures, rejected = packet.decode(), False
        except av.FFmpegError:
            pictures, rejected = [], True
        if index < begin:  # H.264 orders later pictures relative to the latest one and would drop some of them
            stream.codec_context.flush_buffers()
        yield DecodedPacket(index, rejected, pictures)
    try:
        yield DecodedPacket(count, False, stream.codec_context.decode(None))
    except av.FFmpegError:
        return
