"""Pickles of plain types and numpy arrays, read without running what a file names.

DeepLabCut's ``_meta.pickle`` holds objects of its own classes; they become :class:`Stub`, so that the file can be read
where DeepLabCut is not installed and a file from a stranger cannot call anything.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.outputs import whole_file

_NUMPY = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
_PLAIN = {
    "builtins": {"int", "float", "complex", "bool", "str", "bytes", "list", "dict", "tuple", "set", "slice", "range"},
    "collections": {"OrderedDict"},
}


class Stub:
    """An object of a class that is not loaded; ``arguments`` and ``state`` are what the pickle makes it from."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.arguments!r}"

    @property
    def plain(self) -> Any:
        """What an enumeration or a path stands for: its value, or its parts joined by slashes."""
        if len(self.arguments) == 1:
            return self.arguments[0]
        return "/".join(map(str, self.arguments)).replace("//", "/")


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        numpy = module.split(".")[0] == "numpy" and name in _NUMPY
        if numpy or name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        return type(name.rsplit(".")[-1], (Stub,), {})


class Streamed:
    """A dictionary that is pickled item by item, so that it never lies in memory whole.

    The file holds an ordinary ``dict``.
    """

    def __init__(self, items: Iterable[tuple[Any, Any]]) -> None:
        self.items = items

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter(self.items)


def load_plain_pickle(path: Path) -> Any:
    """Load a pickle of plain types and numpy arrays; objects of other classes become stubs.

    Raises
    ------
    DlcxError
        When the file is missing or no such pickle.
    """
    try:
        with open(path, "rb") as stream:
            return _PlainUnpickler(stream).load()
    except OSError as error:
        raise DlcxError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception as error:  # a broken pickle raises whatever it meets
        raise DlcxError(f"{path}: not a readable pickle: {error}") from None


def dump_pickle(data: Any, path: Path) -> None:
    """Write a pickle, whole or not at all.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    with whole_file(Path(path)) as beside, open(beside, "wb") as stream:
        pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
        if isinstance(data, Streamed):
            pickler.fast = True  # do not remember, and so keep, every object written
        pickler.dump(data)


def without_stubs(value: Any) -> Any:
    """The same dictionaries and lists with plain values in place of stubs."""
    if isinstance(value, Stub):
        return without_stubs(value.plain)
    if isinstance(value, Mapping):
        return {without_stubs(key): without_stubs(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(without_stubs(item) for item in value)
    return value
