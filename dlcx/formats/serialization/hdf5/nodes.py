"""Groups and datasets with plain values.

Values that PyTables pickled are read by :mod:`dlcx.formats.serialization.pickles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.hdf5.datasets import DECODERS, Decoder, Values
from dlcx.formats.serialization.hdf5.structure import ByteSource, Damaged, Object, RefersElsewhere, read_structure
from dlcx.formats.serialization.pickles import Foreign, loads_plain
from dlcx.untrusted_files import check_claim

Raw = np.ndarray | list[bytes]


class Node:
    """A group or a dataset; ``children`` is None for datasets."""

    def __init__(
        self,
        name: str,
        attributes: Mapping[str, Callable[[], Any]],
        children: dict[str, Node] | None,
        read: Callable[[], Raw] | None = None,
    ) -> None:
        self.name = name
        self.raw_attributes = attributes
        self.children = children
        self._read = read

    def has(self, name: str) -> bool:
        """Return whether the attribute exists."""
        return name in self.raw_attributes

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute: text as ``str``, pickled values as plain objects.

        Raises
        ------
        Foreign
            If it is a pickle of objects that are not plain.
        """
        if name not in self.raw_attributes:
            return default
        value = self.raw_attributes[name]()
        if isinstance(value, np.generic) and not isinstance(value, np.bytes_):
            return value
        if not isinstance(value, bytes):
            return value
        if value.endswith(b".") and value not in (b"0", b"0."):
            try:
                return _unpickled(bytes(value))
            except Foreign:
                raise
            except Exception:  # plain text that ends with a dot, or a damaged pickle
                pass
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return bytes(value)

    def child(self, name: str) -> Node:
        """Return an object of a group.

        Raises
        ------
        KeyError
            If it does not exist.
        """
        return (self.children or {})[name]

    def values(self) -> Raw:
        """Return the values of a dataset: an array, or the bytes of each row if rows vary in length."""
        if self._read is None:
            raise ValueError(f"{self.name} is a group")
        return self._read()

    def array(self) -> np.ndarray:
        """Return the values of a dataset of numbers, texts, or records."""
        values = self.values()
        if isinstance(values, list):
            raise ValueError(f"{self.name} has rows of varying length")
        return values

    def objects(self) -> Any:
        """Return the objects pickled in the first row of a dataset."""
        values = self.values()
        if not isinstance(values, list) or not values:
            raise ValueError(f"{self.name} holds no objects")
        return loads_plain(values[0])

    def walk(self) -> Iterator[Node]:
        """Yield the node and all its descendants."""
        yield self
        for child in (self.children or {}).values():
            yield from child.walk()


def _unpickled(content: bytes) -> Any:
    try:
        return loads_plain(content)
    except UnicodeDecodeError:  # written by Python 2
        return loads_plain(content, encoding="latin1")


@contextmanager
def opened(path: Path, decoders: Mapping[int, Decoder] = DECODERS) -> Iterator[Node]:
    """Open a file and return its root, whose values can be read within the context.

    Raises
    ------
    Damaged, NotCovered, RefersElsewhere
        See :mod:`dlcx.formats.serialization.hdf5.structure`.
    DlcxError
        If the file cannot be opened, or claims to hold far more than its size allows.
    """
    with ByteSource(path) as source:
        values = Values(source, decoders)
        root = read_structure(source)
        for one in _datasets(root):
            values.check_storage(one)
        check_claim(path, sum(map(values.size, _datasets(root))), "tables")
        yield _node(root, values)


def _datasets(one: Object) -> Iterator[Object]:
    if one.is_dataset:
        yield one
    for child in (one.children or {}).values():
        yield from _datasets(child)


def _node(one: Object, values: Values) -> Node:
    attributes = {
        values.attribute_name(content): (lambda content=content: values.attribute(content)[1])
        for content in one.attributes
    }
    children = None if one.children is None else {name: _node(child, values) for name, child in one.children.items()}
    return Node(one.name, attributes, children, (lambda: values.read(one)) if one.is_dataset else None)


def refused_reference(path: Path, error: RefersElsewhere) -> DlcxError:
    """Return the error for a file whose values are stored in another one."""
    return DlcxError(f"{path} is refused: {error} refers to another file", hint="Save the table in one file.")


__all__ = ["Damaged", "Node", "Raw", "opened", "refused_reference"]
