"""Pickles of plain types and numpy arrays, read without running what a file names.

Nothing that a file names is imported or called.  Sets, ordered dictionaries, dtypes and arrays are made by this module,
which checks what they are made of: numpy itself believes the sizes and offsets of a pickled dtype.  Objects of other
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

#: Arrays that a file may hold: numbers, booleans, text, and objects that are plain themselves.
_DTYPE = re.compile(r"[<>|=]?(?:[biufcSU]\d{0,6}|O8?)")
_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")


class Stub:
    """An object of a class that is not loaded; ``arguments`` and ``state`` are what the pickle makes it from."""

    arguments: tuple[Any, ...]
    state: Any = None

    def __new__(cls, *arguments: Any) -> Self:
        """Keep the arguments; pickles make most objects without calling ``__init__``."""
        made = super().__new__(cls)
        made.arguments = arguments
        return made

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


class _Made:
    """What a pickle finds under a plain name: it can be called, and neither changed nor taken apart."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("a function has no state")


class _Name(_Made):
    """A type that is only named, such as the ``ndarray`` in what an array is made from."""


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
    """Bytes of a protocol that knows text only."""

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        return str(text).encode("latin1")


class _DType:
    """A numpy dtype of one plain kind; a file may choose its byte order, never sizes or offsets."""

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
    """A numpy array, which its state fills: (version, shape, dtype, by columns, bytes or list of objects)."""

    __slots__ = ("values",)

    def __setstate__(self, state: Any) -> None:
        shape, dtype, by_columns, content = state[-4:]
        stored = _array(content, dtype, shape, "F" if by_columns else "C")
        self.values = stored.astype(stored.dtype.newbyteorder("="), copy=False)  # as numpy does here


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
        # numpy lists objects by rows, also those of an array that lies by columns in memory
        return values.reshape(shape).copy(order=order)
    content = content.encode("latin1") if isinstance(content, str) else content  # of Python 2
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
    """A pickle names more than plain types and numpy arrays."""


#: What can be a key of a dictionary, alone or in a tuple.
_KEYS = (str, bytes, int, float, complex, type(None), np.generic, Stub)


class _PlainUnpickler(pickle._Unpickler):
    """Python's own unpickler, not that in C: there an index of 4 bytes makes a table of gigabytes of the memory.

    Keys are words and numbers: the hash of tuples that hold each other many times takes forever, that of deep ones
    overflows the stack.  What calls make is counted, for each may copy what is in the file once.
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
        """Bytes; the file says how many, and Python would make room for them before it reads."""
        size = int.from_bytes(self.read(8), "little")
        self._count(size)
        self.append(bytearray(self.read(size)))

    def load_dict(self) -> None:
        """A dictionary of the items since the last mark."""
        items = self.pop_mark()
        self.append(dict(zip(map(_key, items[::2]), items[1::2], strict=True)))

    def load_setitem(self) -> None:
        """One item of a dictionary."""
        value, key = self.stack.pop(), _key(self.stack.pop())
        _add_items(self.stack[-1], [(key, value)])

    def load_setitems(self) -> None:
        """Items of a dictionary."""
        items = self.pop_mark()
        _add_items(self.stack[-1], zip(map(_key, items[::2]), items[1::2], strict=True))

    def load_additems(self) -> None:
        """Items of a set."""
        items = self.pop_mark()
        _of(set, self.stack[-1]).update(map(_key, items))

    def load_frozenset(self) -> None:
        """A frozen set of the items since the last mark."""
        items = self.pop_mark()  # first: it changes where things are appended
        self.append(frozenset(map(_key, items)))

    def load_reduce(self) -> None:
        """The result of a call."""
        arguments, function = self.stack.pop(), self.stack[-1]
        self.stack[-1] = function(*_of(tuple, arguments))
        self._count(_extent(self.stack[-1]))

    def load_build(self) -> None:
        """The state of what a call made."""
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
    """Reads the pickle in an archive of torch for the storages that it claims, and makes nothing else of it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        super().__init__(stream, size, foreign=True, encoding="latin1")
        self._claimed: list[tuple[str, str, int]] = []

    def load_build(self) -> None:
        """The state of an object: torch gives one to more types, and its storages have been named before."""
        self.stack.pop()

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {**_PlainUnpickler.dispatch, pickle.BUILD[0]: load_build}

    def persistent_load(self, identifier: Any) -> Any:
        """A storage: its type, its key in the archive, its device, and how many numbers it has."""
        _, kind, key, _, count = _of(tuple, identifier)
        self._claimed.append((kind.__name__, str(key), int(count)))
        return Stub()

    def storages(self) -> list[tuple[str, str, int]]:
        """Type, key and count of every storage that the pickle names."""
        self.load()
        return self._claimed


def _key(value: Any) -> Any:
    """A key of a dictionary, or an item of a set: a word, a number, or a tuple of such."""
    if isinstance(value, _KEYS) or (isinstance(value, tuple) and all(isinstance(part, _KEYS) for part in value)):
        return value
    raise pickle.UnpicklingError(f"expected a word or a number as a key, got {type(value).__name__}")


def _add_items(target: Any, items: Iterable[tuple[Any, Any]]) -> None:
    """Put items into a dictionary; those of a class of mappings (DeepLabCut 2's ``EasyDict``) are not kept."""
    kept = _of((dict, Stub), target)
    if isinstance(kept, dict):
        kept.update(items)


def _of(kind: type | tuple[type, ...], value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise pickle.UnpicklingError(f"{type(value).__name__} has no such items or state")


def _extent(made: Any) -> int:
    """Bytes, roughly, of what a call has made."""
    if isinstance(made, _Array):
        made = getattr(made, "values", None)
    if isinstance(made, np.ndarray):
        return int(made.nbytes)
    return 64 * len(made) if isinstance(made, (set, dict)) else len(made) if isinstance(made, bytes) else 0


def loads_plain(content: bytes, *, encoding: str = "ASCII") -> Any:
    """What the bytes of a pickle of plain types and numpy arrays hold.

    Raises
    ------
    Foreign
        When it names anything else.
    Exception
        Whatever else a broken pickle leads to.
    """
    return _finished(_PlainUnpickler(io.BytesIO(content), len(content), foreign=False, encoding=encoding).load(), {})


def _finished(value: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """The same with numpy's arrays in place of what they were made by; lists and dicts stay the same objects.

    ``seen`` holds what each object has become, and the object too, so that its id is not used again.
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
    """A dictionary that is pickled item by item, so that it never lies in memory whole.

    The file holds an ordinary ``dict``.
    """

    def __init__(self, items: Iterable[tuple[Any, Any]]) -> None:
        self.items = items

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (), None, None, iter(self.items)


def load_plain_pickle(path: Path, *, foreign: bool = False) -> Any:
    """Load a pickle of plain types and numpy arrays; with ``foreign`` objects of other classes become stubs.

    Raises
    ------
    DlcxError
        When the file is missing, no such pickle, or names what is not plain.
    """
    try:
        size = file_size(path)
        with open_binary(path) as stream:
            # latin1 keeps the bytes of the arrays that Python 2 pickled as text
            return _finished(_PlainUnpickler(stream, size, foreign=foreign, encoding="latin1").load(), {})
    except DlcxError:
        raise
    except Foreign as error:
        raise DlcxError(
            f"{path} is refused: {error}",
            hint="A file of this kind holds numbers and names; another program may run code hidden in it.",
        ) from None
    except Exception as error:  # a broken pickle raises whatever it meets
        raise DlcxError(f"{path}: not a readable pickle: {str(error)[:200]}") from None


def dump_pickle(data: Any, path: Path) -> None:
    """Write a pickle, whole or not at all.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    with atomic_file(Path(path)) as beside, open(beside, "wb") as stream:
        pickler = pickle.Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL)
        if isinstance(data, Streamed):
            pickler.fast = True  # do not remember, and so keep, every object written
        pickler.dump(data)


_UNFINISHED = object()


def without_stubs(value: Any, _seen: dict[int, Any] | None = None) -> Any:
    """The same dictionaries and lists with plain values in place of stubs."""
    if not isinstance(value, (Stub, Mapping, list, tuple)):
        return value
    seen = {} if _seen is None else _seen  # a file may hold one list many times over
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
