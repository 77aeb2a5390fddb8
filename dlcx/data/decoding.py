"""PyAV's decoder, fed with packets that it can be asked about: every picture tells which packet it is from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dlcx.data.packets import Packets, open_stream, packets_from

#: Codecs whose decoders flag the pictures that they conceal damage in.  Others are told to refuse damaged packets.
FLAGGING = {"h264", "mpeg1video", "mpeg2video", "mpeg4", "h263", "h263p", "flv1"}
FLAGGING |= {"msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "rv10", "rv20"}


class Decoded(NamedTuple):
    """Index of the packet sent, whether the decoder refused it, and pictures that came out, ``pts`` their packets'."""

    packet: int
    refused: bool
    pictures: list[Any]


def decode_packets(path: Path, packets: Packets, begin: int, *, strict: bool) -> Iterator[Decoded]:
    """Decode the first packet and all from ``begin`` on; ``strict`` decoders refuse what they could conceal."""
    with open_stream(path) as (container, stream):
        found = packets_from(container, stream, packets, begin)
        if found is not None:
            yield from _decode(stream, found, len(packets), strict, begin)
            return
    with open_stream(path) as (container, stream):  # no exact seek: read, but do not decode what is before
        everything = packets_from(container, stream, packets, 0)
        assert everything is not None
        wanted = ((index, packet) for index, packet in everything if index == 0 or index >= begin)
        yield from _decode(stream, wanted, len(packets), strict, begin)


def _decode(stream: Any, found: Iterator[tuple[int, Any]], count: int, strict: bool, begin: int) -> Iterator[Decoded]:
    import av

    if strict:
        stream.codec_context.options = {"err_detect": "explode"}
    for index, packet in found:
        if index >= count:  # the file has grown
            break
        packet.pts = packet.dts = index
        try:
            pictures, refused = packet.decode(), False
        except av.FFmpegError:
            pictures, refused = [], True
        if index < begin:  # H.264 takes the order of later pictures from the latest one, and would lose some
            stream.codec_context.flush_buffers()
        yield Decoded(index, refused, pictures)
    try:
        yield Decoded(count, False, stream.codec_context.decode(None))
    except av.FFmpegError:
        return
