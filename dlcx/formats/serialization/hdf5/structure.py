"""Groups, datasets, and attributes of an HDF5 file, parsed from its bytes with checks of every address and size.

The HDF5 library crashes or hangs on some damaged files. This module therefore reads the default format of PyTables and
h5py without it: superblock 0 and 1, symbol tables, object headers of version 1. Newer versions raise
:class:`NotCovered`; :mod:`dlcx.formats.serialization.hdf5.isolated` reads them with the library in a separate process.

Format: HDF5 File Format Specification 3.0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlcx.untrusted_files import open_binary

SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Address of storage that was never allocated.
UNDEFINED = 2**64 - 1
#: Files up to this size are read at once; larger ones only where needed.
_AT_ONCE = 2**24
#: Maximum number of objects in a file, and maximum nesting of groups.
_MOST_OBJECTS, _DEEPEST = 100_000, 64

_DATASPACE, _DATATYPE, _LINK_INFO, _LINK, _EXTERNAL, _LAYOUT = 0x01, 0x03, 0x02, 0x06, 0x07, 0x08
_FILTERS, _ATTRIBUTE, _CONTINUATION, _SYMBOLS, _ATTRIBUTE_INFO = 0x0B, 0x0C, 0x10, 0x11, 0x15
_SHARED = 0x02


class Damaged(ValueError):
    """The file violates its format."""


class NotCovered(Exception):
    """The file may be valid, but uses a version of the format that this module does not read."""


class RefersElsewhere(ValueError):
    """An object of the file, or its values, are stored elsewhere; the argument is its name."""


class ByteSource:
    """The bytes of a file; reading past its end raises :class:`Damaged`."""

    def __init__(self, path: Path) -> None:
        self._file = open_binary(path)
        self.size = self._file.seek(0, 2)
        self._content = self._read(0, self.size) if self.size <= _AT_ONCE else None

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def at(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes from ``address``.

        Raises
        ------
        Damaged
            If they are not within the file.
        """
        if size < 0 or address < 0 or address + size > self.size:
            raise Damaged(f"{size} bytes at {address} lie behind the end of the file ({self.size} bytes)")
        return self._read(address, size) if self._content is None else self._content[address : address + size]

    def numbers(self, form: struct.Struct, address: int) -> tuple[Any, ...]:
        """Return the numbers of a record."""
        if self._content is None:
            return form.unpack(self.at(address, form.size))
        if address < 0 or address + form.size > self.size:
            raise Damaged(f"a record at {address} lies behind the end of the file ({self.size} bytes)")
        return form.unpack_from(self._content, address)

    def _read(self, address: int, size: int) -> bytes:
        self._file.seek(address)
        content = self._file.read(size)
        if len(content) != size:
            raise Damaged("the file became shorter while it was read")
        return content


@dataclass
class Object:
    """A group (``children``) or a dataset (``layout``), and the undecoded messages that describe it."""

    name: str
    attributes: list[bytes] = field(default_factory=list)
    children: dict[str, Object] | None = None
    dataspace: bytes = b""
    datatype: bytes = b""
    layout: bytes = b""
    filters: bytes = b""

    @property
    def is_dataset(self) -> bool:
        """Whether it is a dataset."""
        return bool(self.layout)


_SUPERBLOCK = struct.Struct("<8sBBBBBBBBHHI")
_ADDRESSES = struct.Struct("<QQQQ QQ")
_HEADER = struct.Struct("<BBHII")
_MESSAGE = struct.Struct("<HHB3x")
_PAIR = struct.Struct("<QQ")
_TREE = struct.Struct("<4sBBHQQ")
_HEAP = struct.Struct("<4sB3xQQQ")
_SYMBOL_NODE = struct.Struct("<4sBBH")
_SYMBOL = struct.Struct("<QQI20x")


def is_hdf5(source: ByteSource) -> bool:
    """Return whether the file has an HDF5 signature, at its start or after a user block."""
    offset = 0
    while offset + 8 <= source.size:
        if source.at(offset, 8) == SIGNATURE:
            return True
        offset = 2 * offset or 512
    return False


def read_structure(source: ByteSource) -> Object:
    """Return the root group with all groups and datasets of a file.

    Raises
    ------
    Damaged
        If an address or a size is invalid, or the file is truncated.
    NotCovered
        If the file uses a newer version of the format.
    RefersElsewhere
        If the values of a dataset are stored in another file.
    """
    return _Walk(source).root()


class _Walk:
    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._seen: set[int] = set()

    def root(self) -> Object:
        source = self._source
        if source.size < 96 or source.at(0, 8) != SIGNATURE:
            raise NotCovered("the file begins with a block of another program" if is_hdf5(source) else "no HDF5 file")
        _, version, _, _, _, _, offsets, lengths, *_ = source.numbers(_SUPERBLOCK, 0)
        if version > 1 or (offsets, lengths) != (8, 8):
            raise NotCovered(f"superblock {version}")
        base, _, end, driver, _, header = source.numbers(_ADDRESSES, 24 + 4 * version)
        if base or driver != UNDEFINED:
            raise NotCovered("a base address or a driver of its own")
        if end > source.size:
            raise Damaged(f"the file is cut off: it has {source.size} bytes of {end}")
        return self._object("/", header, 0)

    def _object(self, name: str, address: int, depth: int) -> Object:
        if depth > _DEEPEST:
            raise Damaged(f"groups lie more than {_DEEPEST} deep in each other")
        if address in self._seen:
            raise NotCovered("an object has several names")
        self._seen.add(address)
        if len(self._seen) > _MOST_OBJECTS:
            raise Damaged(f"it holds more than {_MOST_OBJECTS} objects")
        found = Object(name)
        links: list[tuple[str, int]] = []
        external = False
        for kind, content in self._messages(address):
            if kind == _ATTRIBUTE:
                found.attributes.append(content)
            elif kind == _DATASPACE:
                found.dataspace = content
            elif kind == _DATATYPE:
                found.datatype = content
            elif kind == _LAYOUT:
                found.layout = content
            elif kind == _FILTERS:
                found.filters = content
            elif kind == _EXTERNAL:
                external = True
            elif kind == _SYMBOLS:
                found.children = {}
                links += self._links(*_unpacked(_PAIR, content))
            elif kind in (_LINK_INFO, _LINK, _ATTRIBUTE_INFO):
                raise NotCovered("links or attributes of the newer form")
        if external:
            raise RefersElsewhere(name)
        if found.children is None and not found.layout:
            raise NotCovered("an object that is neither group nor dataset")
        for child, at in links:
            assert found.children is not None
            found.children[child] = self._object(f"{name.rstrip('/')}/{child}", at, depth + 1)
        return found

    def _messages(self, address: int) -> Iterator[tuple[int, bytes]]:
        """Kind and content of every message of an object header."""
        source = self._source
        version, _, count, _, size = source.numbers(_HEADER, address)
        if version != 1:
            raise NotCovered("object headers of the newer form")
        blocks, seen = [(address + 16, size)], {address + 16}
        for start, length in blocks:  # continuation messages append to it
            at, end = start, start + length
            while at + 8 <= end and count > 0:
                kind, size, flags = source.numbers(_MESSAGE, at)
                if at + 8 + size > end:
                    raise Damaged("a message is longer than its header")
                count -= 1
                content = source.at(at + 8, size)
                at += 8 + size
                if kind == _CONTINUATION:
                    where, length = _unpacked(_PAIR, content)
                    if where in seen:
                        raise Damaged("a header leads back to itself")
                    seen.add(where)
                    blocks.append((where, length))
                elif flags & _SHARED and kind in (_DATASPACE, _DATATYPE, _FILTERS, _ATTRIBUTE):
                    raise NotCovered("messages that objects share")
                elif kind:
                    yield kind, content

    def _links(self, tree: int, heap: int) -> list[tuple[str, int]]:
        """Names and addresses of the objects of a group."""
        source = self._source
        mark, version, size, _, names_at = source.numbers(_HEAP, heap)
        if mark != b"HEAP" or version:
            raise Damaged("the names of a group are not where they should be")
        names = source.at(names_at, size)
        found = []
        for node in tree_leaves(source, tree, 0, 8):
            mark, _, _, count = source.numbers(_SYMBOL_NODE, node)
            if mark != b"SNOD":
                raise Damaged("the objects of a group are not where they should be")
            for number in range(count):
                name_at, address, cached = source.numbers(_SYMBOL, node + 8 + 40 * number)
                end = names.find(b"\0", name_at)
                if not 0 <= name_at < end:
                    raise Damaged("an object of a group has no name")
                if cached == 2:
                    raise NotCovered("links to other names")
                try:
                    found.append((names[name_at:end].decode("utf-8"), address))
                except UnicodeDecodeError:
                    raise Damaged("a name is no UTF-8") from None
        if len(dict(found)) < len(found):
            raise Damaged("two objects of a group have one name")
        return found


def tree_leaves(source: ByteSource, address: int, kind: int, key_size: int) -> Sequence[int]:
    """Return the addresses in the leaves of a version 1 B-tree, without their keys.

    Raises
    ------
    Damaged
        See :func:`tree_entries`.
    """
    return [child for _, child in tree_entries(source, address, kind, key_size)]


def tree_entries(source: ByteSource, address: int, kind: int, key_size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the key and address of every entry in the leaves of a version 1 B-tree, in order.

    Raises
    ------
    Damaged
        If a node is invalid or reached twice.
    """
    seen: set[int] = set()
    waiting: list[tuple[int, int | None]] = [(address, None)]
    while waiting:
        node, expected = waiting.pop()
        mark, its_kind, level, count, _, _ = source.numbers(_TREE, node)
        if mark != b"TREE" or its_kind != kind or node in seen or expected not in (None, level):
            raise Damaged("a tree of addresses is broken")
        seen.add(node)
        content = source.at(node + 24, count * (key_size + 8))
        entries = [
            (content[at : at + key_size], int.from_bytes(content[at + key_size : at + key_size + 8], "little"))
            for at in range(0, len(content), key_size + 8)
        ]
        if level:
            waiting += [(child, level - 1) for _, child in reversed(entries)]
        else:
            yield from entries


def _unpacked(form: struct.Struct, content: bytes) -> tuple[Any, ...]:
    if len(content) < form.size:
        raise Damaged("a message is too short")
    return form.unpack_from(content)
