"""Pickles of plain types and numpy arrays, read without running code from the file.

Nothing that a file names is imported or called. This module creates sets, ordered dictionaries, dtypes, and arrays
itself and checks their contents, because numpy trusts the sizes and offsets of a pickled dtype. Objects of other
classes (DeepLabCut's ``_meta.pickle`` holds some) are refused, or become a :class:`Stub` where they are expected.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np

from dlcx.errors import DlcxError
from dlcx.outputs import atomic_file
from dlcx.untrusted_files import ALWAYS_ALLOWED, file_size, open_binary

#: Supported arrays: numbers, booleans, text, and plain objects.
_DTYPE = re.compile(r"[<>|=]?(?:[biufcSU]\d{0,6}|O8?)")
_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")


class Stub:
    """An object of a class that is not loaded; ``arguments`` and ``state`` are the pickled values that define it."""

    arguments: tuple[Any, ...]
    state: Any = None

    def __new__(cls, *arguments: Any) -> Self:
        """Keep the arguments; most pickled objects are created without calling ``__init__``."""
        made = super().__new__(cls)
        made.arguments = arguments
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.arguments!r}"

    @property
    def plain(self) -> Any:
        """Plain value of an enumeration or a path: its value, or its parts joined by slashes."""
        if len(self.arguments) == 1:
            return self.arguments[0]
        return "/".join(map(str, self.arguments)).replace("//", "/")


class _Made:
    """Replacement for a known function or type; pickles can call it, but not change or inspect it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a function has no state")


class _Name(_Made):
    """A type that pickles only refer to, such as the ``ndarray`` among the arguments of an array."""


class _Set(_Made):
    def __call__(self, items: Any = ()) -> set[Any]:
        return set(map(_key, _listed(items)))


class _Dict(_Made):
    def __call__(self) -> dict[Any, Any]:
        return {}


class _OrderedDict(_Made):
    def __call__(self, items: Any = ()) -> OrderedDict[Any, Any]:
        return OrderedDict((_key(key), item) for key, item in _listed(items))


class _Slice(_Made):
    def __call__(self, *parts: Any) -> slice:
        return slice(*parts)


class _Bytes(_Made):
    def __call__(self) -> bytes:
        return b""


class _Complex(_Made):
    def __call__(self, real: float, imaginary: float) -> complex:
        return complex(real, imaginary)


class _Encoded(_Made):
    """Bytes in a pickle protocol that only has text."""

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        return str(text).encode("latin1")


class _DType:
    """A numpy dtype of one plain kind; a file may choose its byte order, but not sizes or offsets."""

    __slots__ = ("dtype",)

    def __init__(self, kind: Any = "", *_: Any) -> None:
        kind = kind.decode() if isinstance(kind, bytes) else kind
        if not isinstance(kind, str) or not _DTYPE.fullmatch(kind):
            raise Foreign(f"it holds arrays of {str(kind)[:40]!r}, which are not plain")
        self.dtype = np.dtype(kind)

    def __setstate__(self, state: Any) -> None:
        order: Any = state[1].decode() if isinstance(state[1], bytes) else state[1]
        if any(part is not None for part in state[2:5]):
            raise Foreign("it holds arrays of records, which are not plain")
        if order not in ("<", ">", "=", "|"):
            raise pickle.UnpicklingError(f"{str(order)[:40]!r} is no byte order")
        if order != "|":
            self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """A numpy array, filled from its state: (version, shape, dtype, is column-major, bytes or list of objects)."""

    __slots__ = ("values",)

    def __setstate__(self, state: Any) -> None:
        shape, dtype, by_columns, content = state[-4:]
        stored = _array(content, dtype, shape, "F" if by_columns else "C")
        self.values = stored.astype(stored.dtype.newbyteorder("="), copy=False)  # like numpy


class _Reconstruct(_Made):
    def __call__(self, *_: Any) -> _Array:
        return _Array()


class _FromBuffer(_Made):
    def __call__(self, content: Any, dtype: _DType, shape: Any, order: str, axes: Any = None) -> np.ndarray:
        array = _array(content, dtype, shape, "C" if order == "K" else order)
        return array if axes is None else array.transpose(axes)


class _Scalar(_Made):
    def __call__(self, dtype: _DType, content: Any) -> Any:
        return _array(content, dtype, (), "C")[()]


def _listed(items: Any) -> Any:
    if not isinstance(items, (list, tuple)):
        raise pickle.UnpicklingError(f"expected a list, got {type(items).__name__}")
    return items


def _array(content: Any, dtype: _DType, shape: Any, order: Any) -> np.ndarray:
    plain = dtype.dtype
    if plain.hasobject:
        size = math.prod(shape)
        if not isinstance(content, list) or len(content) != size:
            raise pickle.UnpicklingError(f"expected a list of {size} objects")
        values = np.empty(size, object)
        for index, item in enumerate(content):
            values[index] = item
        # numpy pickles objects in row-major order, even if the array is column-major in memory
        return values.reshape(shape).copy(order=order)
    content = content.encode("latin1") if isinstance(content, str) else content  # from Python 2
    if not plain.itemsize and math.prod(shape):
        raise pickle.UnpicklingError("texts of no characters take no bytes, however many a file claims")
    array = np.ndarray(shape, plain, bytearray(content), order=order)
    if array.nbytes != len(content):
        raise pickle.UnpicklingError(f"{len(content)} bytes do not fill an array of shape {shape}")
    return array


_PLAIN: dict[tuple[str, str], Any] = {
    **{("builtins", name): _Name() for name in ("int", "float", "bool", "str", "list", "tuple", "object")},
    ("builtins", "dict"): _Dict(),
    ("builtins", "bytes"): _Bytes(),
    ("builtins", "set"): _Set(),
    ("builtins", "slice"): _Slice(),
    ("builtins", "complex"): _Complex(),
    ("collections", "OrderedDict"): _OrderedDict(),
    ("_codecs", "encode"): _Encoded(),
}
_PLAIN |= {("__builtin__", name): known for (module, name), known in _PLAIN.items() if module == "builtins"}
for _module in _NUMPY:
    _PLAIN |= {
        (_module, "ndarray"): _Name(),
        (_module, "dtype"): _DType,
        (_module, "_reconstruct"): _Reconstruct(),
        (_module, "_frombuffer"): _FromBuffer(),
        (_module, "scalar"): _Scalar(),
    }


class Foreign(pickle.UnpicklingError):
    """A pickle refers to something other than plain types and numpy arrays."""


#: Types of dictionary keys, also within tuples.
_KEYS = (str, bytes, int, float, complex, type(None), np.generic, Stub)


class _PlainUnpickler(pickle._Unpickler):
    """Based on Python's unpickler: in the C version a 4-byte index can allocate gigabytes of memory.

    Keys must be text or numbers: hashing tuples that contain each other many times takes forever, and hashing deeply
    nested ones overflows the stack. The size of objects created by calls is limited, because each call may copy the
    contents of the file.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: BinaryIO, size: int, *, foreign: bool, encoding: str = "ASCII") -> None:
        super().__init__(stream, encoding=encoding)
        self._foreign = foreign
        self._left = 16 * size + ALWAYS_ALLOWED

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise pickle.UnpicklingError("a few bytes claim to hold very many")

    def load_bytearray8(self) -> None:
        """Load a bytearray after checking its size, which Python would allocate before reading."""
        size = int.from_bytes(self.read(8), "little")
        self._count(size)
        self.append(bytearray(self.read(size)))

    def load_dict(self) -> None:
        """Create a dictionary from the items since the last mark."""
        items = self.pop_mark()
        self.append(dict(zip(map(_key, items[::2]), items[1::2], strict=True)))

    def load_setitem(self) -> None:
        """Add one item to a dictionary."""
        value, key = self.stack.pop(), _key(self.stack.pop())
        _add_items(self.stack[-1], [(key, value)])

    def load_setitems(self) -> None:
        """Add items to a dictionary."""
        items = self.pop_mark()
        _add_items(self.stack[-1], zip(map(_key, items[::2]), items[1::2], strict=True))

    def load_additems(self) -> None:
        """Add items to a set."""
        items = self.pop_mark()
        _of(set, self.stack[-1]).update(map(_key, items))

    def load_frozenset(self) -> None:
        """Create a frozenset from the items since the last mark."""
        items = self.pop_mark()  # must come first: it resets self.append
        self.append(frozenset(map(_key, items)))

    def load_reduce(self) -> None:
        """Call a function."""
        arguments, function = self.stack.pop(), self.stack[-1]
        self.stack[-1] = function(*_of(tuple, arguments))
        self._count(_extent(self.stack[-1]))

    def load_build(self) -> None:
        """Set the state of an object created by a call."""
        state = self.stack.pop()
        _of((_Made, Stub, _DType, _Array), self.stack[-1]).__setstate__(state)
        self._count(_extent(self.stack[-1]))

    for _opcode, _load in (
        (pickle.BYTEARRAY8, load_bytearray8),
        (pickle.DICT, load_dict),
        (pickle.SETITEM, load_setitem),
        (pickle.SETITEMS, load_setitems),
        (pickle.ADDITEMS, load_additems),
        (pickle.FROZENSET, load_frozenset),
        (pickle.REDUCE, load_reduce),
        (pickle.BUILD, load_build),
    ):
        dispatch[_opcode[0]] = _load

    def find_class(self, module: str, name: str) -> Any:
        if (known := _PLAIN.get((module, name))) is not None:
            return known
        if self._foreign:
            return type(name.rsplit(".")[-1], (Stub,), {})
        raise Foreign(f"it names {module}.{name}, which is never loaded")


class StorageCollector(_PlainUnpickler):
    """Lists the storages that the pickle in a torch archive refers to, without creating them."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream, size, foreign=True, encoding="latin1")
        self._claimed: list[tuple[str, str, int]] = []

    def load_build(self) -> None:
        """Ignore the state of an object: torch sets one on more types, and its storages are already listed."""
        self.stack.pop()

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {**_PlainUnpickler.dispatch, pickle.BUILD[0]: load_build}

    def persistent_load(self, identifier: Any) -> Any:
        """Record a storage: its type, its key in the archive, its device, and its number of elements."""
        _, kind, key, _, count = _of(tuple, identifier)
        self._claimed.append((kind.__name__, str(key), int(count)))
        return Stub()

    def storages(self) -> list[tuple[str, str, int]]:
        """Return type, key, and number of elements of every storage in the pickle."""
        self.load()
        return self._claimed


def _key(value: Any) -> Any:
    """Return a dictionary key or set item if it is text, a number, or a tuple of these."""
    if isinstance(value, _KEYS) or (isinstance(value, tuple) and all(isinstance(part, _KEYS) for part in value)):
        return value
    raise pickle.UnpicklingError(f"expected a word or a number as a key, got {type(value).__name__}")


def _add_items(target: Any, items: Iterable[tuple[Any, Any]]) -> None:
    """Add items to a dictionary; items of other mapping classes (DeepLabCut 2's ``EasyDict``) are dropped."""
    kept = _of((dict, Stub), target)
    if isinstance(kept, dict):
        kept.update(items)


def _of(kind: type | tuple[type, ...], value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise pickle.UnpicklingError(f"{type(value).__name__} has no such items or state")


def _extent(made: Any) -> int:
    """Return the approximate size in bytes of an object created by a call."""
    if isinstance(made, _Array):
        made = getattr(made, "values", None)
    if isinstance(made, np.ndarray):
        return int(made.nbytes)
    return 64 * len(made) if isinstance(made, (set, dict)) else len(made) if isinstance(made, bytes) else 0


def loads_plain(content: bytes, *, encoding: str = "ASCII") -> Any:
    """Return the object in a pickle of plain types and numpy arrays.

    Raises
    ------
    Foreign
        If it refers to anything else.
    Exception
        Any other error that a damaged pickle causes.
    """
    return _finished(_PlainUnpickler(io.BytesIO(content), len(content), foreign=False, encoding=encoding).load(), {})


def _finished(value: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """Replace placeholders by numpy arrays, within lists and dictionaries in place.

    ``seen`` maps the id of each object to the object and its replacement; keeping the object prevents reuse of its id.
    """
    if id(value) in seen:
        return seen[id(value)][1]
    if isinstance(value, _Array):
        if not hasattr(value, "values"):
            raise pickle.UnpicklingError("an array without content")
        seen[id(value)] = value, value.values
        if value.values.dtype.hasobject:
            for index, item in np.ndenumerate(value.values):
                value.values[index] = _finished(item, seen)
    elif isinstance(value, _DType):
        return value.dtype
    elif isinstance(value, dict):
        seen[id(value)] = value, value
        for key, item in value.items():
            value[key] = _finished(item, seen)
    elif isinstance(value, list):
        seen[id(value)] = value, value
        value[:] = [_finished(item, seen) for item in value]
    elif isinstance(value, tuple):
        seen[id(value)] = value, tuple([_finished(item, seen) for item in value])
    elif isinstance(value, Stub):
        seen[id(value)] = value, value
        value.arguments, value.state = _finished((value.arguments, value.state), seen)
    else:
        return value
    return seen[id(value)][1]


class Streamed:
    """A dictionary that is pickled item by item, so that it is never completely in memory.

    The file holds an ordinary ``dict``.
    """

    def __init__(self, items: Iterable[tuple[Any, Any]]) -> None:
        self.items = items

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter(self.items)


def load_plain_pickle(path: Path, *, foreign: bool = False) -> Any:
    """Load a pickle of plain types and numpy arrays; with ``foreign``, objects of other classes become stubs.

    Raises
    ------
    DlcxError
        If the file is missing, is not a valid pickle, or refers to anything that is not plain.
    """
    try:
        size = file_size(path)
        with open_binary(path) as stream:
            # latin1 preserves the bytes of arrays that Python 2 pickled as text
            return _finished(_PlainUnpickler(stream, size, foreign=foreign, encoding="latin1").load(), {})
    except DlcxError:
        raise
    except Foreign as error:
        raise DlcxError(
            f"{path} is refused: {error}",
            hint="A file of this kind holds numbers and names; another program may run code hidden in it.",
        ) from None
    except Exception as error:  # damaged pickles raise errors of any type
        raise DlcxError(f"{path}: not a readable pickle: {str(error)[:200]}") from None


def dump_pickle(data: Any, path: Path) -> None:
    """Write a pickle, completely or not at all.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    with atomic_file(Path(path)) as beside, open(beside, "wb") as stream:
        pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
        if isinstance(data, Streamed):
            pickler.fast = True  # no memo, which would keep every written object in memory
        pickler.dump(data)


_UNFINISHED = object()


def without_stubs(value: Any, _seen: dict[int, Any] | None = None) -> Any:
    """Return a copy of dictionaries and lists with plain values in place of stubs.

    Raises
    ------
    ValueError
        If a list or dictionary contains itself.
    """
    if not isinstance(value, (Stub, Mapping, list, tuple)):
        return value
    seen = {} if _seen is None else _seen  # a file may refer to one list many times
    if id(value) not in seen:
        seen[id(value)] = _UNFINISHED
        if isinstance(value, Stub):
            seen[id(value)] = without_stubs(value.plain, seen)
        elif isinstance(value, Mapping):
            seen[id(value)] = {without_stubs(key, seen): without_stubs(item, seen) for key, item in value.items()}
        else:
            seen[id(value)] = type(value)([without_stubs(item, seen) for item in value])
    if seen[id(value)] is _UNFINISHED:
        raise ValueError("a list holds itself")
    return seen[id(value)]
