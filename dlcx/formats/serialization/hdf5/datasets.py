"""Values of datasets and attributes, decoded from the bytes of :mod:`dlcx.formats.serialization.hdf5.structure`.

Numbers and texts become numpy arrays, rows of varying length become lists of bytes, and records become structured
arrays.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dlcx.formats.serialization.hdf5.structure import (
    UNDEFINED,
    ByteSource,
    Damaged,
    NotCovered,
    Object,
    RefersElsewhere,
    tree_entries,
)

#: Dtype of rows of varying length, which are stored in the global heap: the length and the address of the bytes.
_ROW = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")], metadata={"varying": True})
#: Layout of IEEE numbers by size in bytes: precision, position and size of the exponent, of the mantissa.
_FLOATS = {2: (16, 10, 5, 0, 10), 4: (32, 23, 8, 0, 23), 8: (64, 52, 11, 0, 52)}
_DEEPEST = 8

#: Reverses a filter, given its parameters, the encoded bytes, and the maximum number of decoded bytes.
Decoder = Callable[[tuple[int, ...], bytes, int], bytes]


def _inflate(_: tuple[int, ...], content: bytes, max_size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, max_size)
    except zlib.error as error:
        raise Damaged(f"packed numbers cannot be unpacked: {error}") from None


def _unshuffle(parameters: tuple[int, ...], content: bytes, _: int) -> bytes:
    size = parameters[0] if parameters else 0
    if size < 2:
        return content
    whole = len(content) // size * size
    mixed = np.frombuffer(content, np.uint8, whole).reshape(size, -1)
    return mixed.T.tobytes() + content[whole:]


DECODERS: dict[int, Decoder] = {1: _inflate, 2: _unshuffle}


def shape_of(content: bytes) -> tuple[int, ...] | None:
    """Return the shape in a dataspace message; None for a null dataspace.

    Raises
    ------
    Damaged, NotCovered
        If the message is invalid or of a version that is not supported.
    """
    version, rank = _bytes(content, 2)
    if version == 1:
        start = 8
    elif version == 2:
        if content[3:4] == b"\x02":
            return None
        start = 4
    else:
        raise NotCovered(f"dataspace {version}")
    if rank > 32 or len(content) < start + 8 * rank:
        raise Damaged("the shape of an array is too short")
    return struct.unpack_from(f"<{rank}Q", content, start)


def dtype_of(content: bytes) -> tuple[np.dtype, int]:
    """Return the numpy dtype in a datatype message, and the length of the message in bytes.

    Raises
    ------
    Damaged, NotCovered
        If the message is invalid or describes a type that is not supported.
    """
    return _dtype(content, 0, 0)


def _dtype(content: bytes, at: int, depth: int) -> tuple[np.dtype, int]:
    if len(content) < at + 8 or depth > _DEEPEST:
        raise Damaged("the type of an array is too short")
    kind, version = content[at] & 15, content[at] >> 4
    bits = int.from_bytes(content[at + 1 : at + 4], "little")
    size = int.from_bytes(content[at + 4 : at + 8], "little")
    if kind in (0, 4):
        return _whole_number(kind, bits, size, content[at + 8 : at + 12]), at + 12
    if kind == 1:
        precision, *places = struct.unpack_from("<2xHBBBB", content.ljust(at + 20), at + 8)
        if _FLOATS.get(size) != (precision, *places) or bits & 0x40:
            raise NotCovered("numbers of another form")
        return np.dtype(f"{'>' if bits & 1 else '<'}f{size}"), at + 20
    if kind == 3:
        if not 0 < size < 2**31:
            raise Damaged("texts without a length")
        return np.dtype(f"S{size}"), at + 8
    if kind == 6:
        return _record(content, at + 8, bits & 0xFFFF, size, version, depth)
    if kind == 9:
        if size != 16:
            raise Damaged("rows of varying length with another address")
        base, end = _dtype(content, at + 8, depth + 1)
        if base.itemsize != 1:
            raise NotCovered("rows of other things than bytes")
        return _ROW, end
    if kind == 10:
        return _array_type(content, at, version, depth)
    raise NotCovered(f"values of type {kind}")


def _whole_number(kind: int, bits: int, size: int, places: bytes) -> np.dtype:
    if size not in (1, 2, 4, 8) or struct.unpack("<HH", places.ljust(4, b"\0")) != (0, 8 * size):
        raise NotCovered("whole numbers of another form")
    if kind == 4:  # PyTables stores booleans as bit fields
        return np.dtype(bool) if size == 1 else np.dtype(f"<u{size}")
    return np.dtype(f"{'>' if bits & 1 else '<'}{'i' if bits & 8 else 'u'}{size}")


def _record(content: bytes, at: int, count: int, size: int, version: int, depth: int) -> tuple[np.dtype, int]:
    names, formats, offsets = [], [], []
    for _ in range(count):
        end = content.find(b"\0", at)
        if end < 0:
            raise Damaged("a column has no name")
        names.append(content[at:end].decode("utf-8", "replace"))
        at = end + 1 if version >= 3 else at + (end - at) // 8 * 8 + 8
        wide = 4 if version < 3 else max(1, (size.bit_length() + 7) // 8)
        offsets.append(int.from_bytes(content[at : at + wide], "little"))
        at += wide
        sides: tuple[int, ...] = ()
        if version == 1:
            rank = content[at] if at < len(content) else 0
            sides = struct.unpack_from("<4I", content.ljust(at + 28), at + 12)[: min(rank, 4)]
            at += 28
        base, at = _dtype(content, at, depth + 1)
        formats.append(np.dtype((base, sides)) if sides else base)
        if offsets[-1] + formats[-1].itemsize > size:
            raise Damaged("a column lies outside of its row")
    try:
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size}), at
    except ValueError as error:
        raise Damaged(f"rows cannot be read: {error}") from None


def _array_type(content: bytes, at: int, version: int, depth: int) -> tuple[np.dtype, int]:
    rank = content[at + 8] if at + 8 < len(content) else 0
    start = at + (12 if version < 3 else 9)
    end = start + 4 * rank * (2 if version < 3 else 1)
    if len(content) < end or rank > 32:
        raise Damaged("the shape of a column is too short")
    sides = struct.unpack_from(f"<{rank}I", content, start)
    base, end = _dtype(content, end, depth + 1)
    if base.itemsize * math.prod(sides) >= 2**31:
        raise Damaged("a row is too long")
    return np.dtype((base, sides)), end


class Values:
    """Reads the values of one file; ``decoders`` are the supported filters."""

    def __init__(self, source: ByteSource, decoders: Mapping[int, Decoder] = DECODERS) -> None:
        self._source = source
        self._decoders = decoders
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def size(self, one: Object) -> int:
        """Return the number of bytes that a dataset claims to hold; 0 if its type is not supported."""
        shape = shape_of(one.dataspace)
        try:
            dtype, _ = dtype_of(one.datatype)
        except NotCovered:
            return 0
        return 0 if shape is None else math.prod(shape) * dtype.itemsize

    @staticmethod
    def check_storage(one: Object) -> None:
        """Refuse a virtual dataset, whose values are stored in other datasets.

        Raises
        ------
        RefersElsewhere
            If it is one; the argument is its name.
        """
        if _bytes(one.layout, 2) == b"\x04\x03":
            raise RefersElsewhere(one.name)

    @staticmethod
    def attribute_name(content: bytes) -> str:
        """Return the name in an attribute message."""
        version, _, size = struct.unpack_from("<BBH", content.ljust(4, b"\0"))
        start = 9 if version == 3 else 8
        return content[start : start + size].split(b"\0")[0].decode("utf-8", "replace")

    def read(self, one: Object) -> np.ndarray | list[bytes]:
        """Return the values of a dataset."""
        dtype, _ = dtype_of(one.datatype)
        shape = shape_of(one.dataspace)
        if shape is None:
            raise NotCovered("an array of nothing")
        values = self._stored(one, dtype, shape)
        if values.dtype.kind in "iuf" and not values.dtype.isnative:
            return values.astype(values.dtype.newbyteorder("="))
        return self._rows(values)

    def attribute(self, content: bytes) -> tuple[str, Any]:
        """Return the name and value of an attribute: a numpy array or scalar, bytes, or a list of bytes."""
        version, flags, name_size, type_size, space_size = struct.unpack_from("<BBHHH", content.ljust(8, b"\0"))
        if version not in (1, 2, 3) or (version > 1 and flags):
            raise NotCovered("attributes of another form")
        at = 9 if version == 3 else 8
        parts = []
        for size in (name_size, type_size, space_size):
            parts.append(content[at : at + size])
            at += size if version > 1 else (size + 7) // 8 * 8
        name = self.attribute_name(content)
        shape, (dtype, _) = shape_of(parts[2]), dtype_of(parts[1])
        if shape is None:
            return name, b"" if dtype.kind == "S" else None
        size = math.prod(shape) * dtype.itemsize
        if len(content) < at + size:
            raise Damaged(f"the attribute {name} is too short")
        values = _array(content[at : at + size], dtype, shape)
        found = self._rows(values)
        return name, found[0] if isinstance(found, list) and not shape else found if shape else values[()]

    def _stored(self, one: Object, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        version, kind = _bytes(one.layout, 2)
        if version != 3:
            raise NotCovered(f"storage {version}")
        size = math.prod(shape) * dtype.itemsize
        if kind == 0:
            held = int.from_bytes(one.layout[2:4], "little")
            if held != size or len(one.layout) < 4 + held:
                raise Damaged(f"{one.name} is too short")
            return _array(one.layout[4 : 4 + held], dtype, shape)
        if kind == 1:
            address, held = struct.unpack_from("<QQ", one.layout.ljust(18, b"\0"), 2)
            if address == UNDEFINED and size:
                raise NotCovered("numbers that were never written")
            if held < size:
                raise Damaged(f"{one.name} is too short")
            return _array(self._source.at(address, size) if size else b"", dtype, shape)
        if kind == 2:
            return self._chunks(one, dtype, shape)
        raise NotCovered(f"storage of kind {kind}")

    def _chunks(self, one: Object, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        rank = len(shape)
        if one.layout[2] != rank + 1 or len(one.layout) < 11 + 4 * (rank + 1):
            raise Damaged(f"{one.name} has another number of sides than its parts")
        address, *sides = struct.unpack_from(f"<Q{rank + 1}I", one.layout, 3)
        *chunk, item = sides
        whole = math.prod(sides)
        if item != dtype.itemsize or not whole or whole > 2**32:
            raise Damaged(f"{one.name} is stored in parts of another size")
        values = np.zeros(shape, dtype)
        if not values.size:
            return values
        if address == UNDEFINED:
            raise NotCovered("numbers that were never written")
        pipeline, covered = _pipeline(one.filters), 0
        met: set[tuple[int, ...]] = set()
        for key, at in tree_entries(self._source, address, 1, 8 + 8 * (rank + 1)):
            size, mask, *offsets = struct.unpack(f"<II{rank + 1}Q", key)
            place = tuple(offsets[:-1])
            if place in met or any(a % b for a, b in zip(place, chunk, strict=True)):
                raise Damaged(f"a part of {one.name} is in another's place")
            met.add(place)
            inside = [max(0, min(a + b, c) - a) for a, b, c in zip(place, chunk, shape, strict=True)]
            if not all(inside):
                continue
            content = self._undone(self._source.at(at, size), pipeline, mask, whole)
            if len(content) != whole:
                raise Damaged(f"a part of {one.name} has {len(content)} bytes, not {whole}")
            part = np.frombuffer(content, dtype.base if dtype.subdtype is None else dtype).reshape(chunk)
            target = tuple(slice(a, a + b) for a, b in zip(place, inside, strict=True))
            values[target] = part[tuple(slice(b) for b in inside)]
            covered += math.prod(inside)
        if covered < values.size:
            raise NotCovered("parts that were never written")
        return values

    def _undone(self, content: bytes, pipeline: list[tuple[int, tuple[int, ...]]], mask: int, max_size: int) -> bytes:
        for number, (filter_id, parameters) in reversed(list(enumerate(pipeline))):
            if mask >> number & 1:
                continue
            if filter_id not in self._decoders:
                raise NotCovered(f"numbers packed by filter {filter_id}")
            content = self._decoders[filter_id](parameters, content, max_size)
        return content

    def _rows(self, values: np.ndarray) -> np.ndarray | list[bytes]:
        """Replace references to the heap by the bytes that they refer to; return other values unchanged."""
        if values.dtype != _ROW or values.dtype.metadata is None:
            return values
        return [self._row(int(one["length"]), int(one["heap"]), int(one["number"])) for one in values.ravel()]

    def _row(self, length: int, heap: int, number: int) -> bytes:
        if not length:
            return b""
        at, size = self._heap(heap).get(number, (0, -1))
        if size < length:
            raise Damaged("a row of varying length is not where it should be")
        return self._source.at(at, length)

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Return the address and size of each object in a global heap collection."""
        if address not in self._heaps:
            mark, version, total = self._source.numbers(_COLLECTION, address)
            if mark != b"GCOL" or version != 1:
                raise Damaged("rows of varying length are not where they should be")
            found, at = {}, address + 16
            while at + 16 <= address + total:
                number, size = self._source.numbers(_HEAP_OBJECT, at)
                if not number:
                    break
                found[number] = (at + 16, size)
                at += 16 + (size + 7) // 8 * 8
            self._heaps[address] = found
        return self._heaps[address]


_COLLECTION = struct.Struct("<4sB3xQ")
_HEAP_OBJECT = struct.Struct("<H6xQ")


def _pipeline(content: bytes) -> list[tuple[int, tuple[int, ...]]]:
    """Return the number and parameters of each filter, in the order in which they were applied on writing."""
    if not content:
        return []
    version, count = _bytes(content, 2)
    if version not in (1, 2):
        raise NotCovered(f"filters {version}")
    at, found = 8 if version == 1 else 2, []
    try:
        for _ in range(count):
            (filter_id,) = struct.unpack_from("<H", content, at)
            named = version == 1 or filter_id >= 256
            length = struct.unpack_from("<H", content, at + 2)[0] if named else 0
            _, values = struct.unpack_from("<HH", content, at + (4 if named else 2))
            at += (8 if named else 6) + ((length + 7) // 8 * 8 if version == 1 else length)
            found.append((filter_id, struct.unpack_from(f"<{values}I", content, at)))
            at += 4 * values + (4 if version == 1 and values % 2 else 0)
    except struct.error:
        raise Damaged("the list of filters is too short") from None
    return found


def _array(content: bytes, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    base, sides = (dtype.base, dtype.shape) if dtype.subdtype is not None else (dtype, ())
    return np.frombuffer(bytearray(content), base).reshape((*shape, *sides))


def _bytes(content: bytes, count: int) -> bytes:
    if len(content) < count:
        raise Damaged("a message is too short")
    return content[:count]
