"""The safe unpickler rebuilds what ``pickle`` does, or refuses."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.serialization.pickles import Foreign, load_plain_pickle, loads_plain, without_stubs

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
SHAPES = [(), (0,), (1,), (5,), (0, 3), (3, 0), (1, 1), (2, 3), (4, 1), (2, 3, 4), (1, 3, 1)]
NUMBERS = ["?", "i1", "u1", "<i2", ">i4", "u4", "<i8", ">u8", "f2", "<f4", ">f4", "<f8", ">f8", "g", "F", ">c16", "G"]
TEXT = ["S1", "S5", "<U1", "<U4", ">U4"]
OBJECTS = [
    *(None, "a", "ä", np.nan, 2.5, 2**70, True, 1j, b"\x00\xff", {1, 2}),
    *([1, [2]], (1, "x"), {"k": np.arange(3)}, np.float32(2), np.arange(6.0).reshape(2, 3).T, np.array(7)),
    np.array([[None, "q"], [1, [2]]], object).T,
]


def objects(shape: tuple[int, ...]) -> np.ndarray:
    """An array of things of all kinds, no two neighbors of which are the same."""
    array = np.empty(int(np.prod(shape)), object)
    for place in range(array.size):
        array[place] = OBJECTS[place % len(OBJECTS)]
    return array.reshape(shape)


def array_of(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype == "O":
        return objects(shape)
    random = np.random.default_rng(0)
    if dtype in TEXT:
        length = int(dtype[-1])
        return np.asarray(random.choice(["", "abcde", "z", "xy"], shape)).astype(f"U{length}").astype(dtype)
    return np.asarray(random.uniform(0, 100, shape)).astype(dtype)


def layouts(base: np.ndarray) -> Iterator[np.ndarray]:
    """The same numbers in every order that memory may have them in."""
    yield base
    yield np.asfortranarray(base)
    yield base.T
    yield np.broadcast_to(base, (2, *base.shape))
    if base.ndim:
        yield base[::-1]
        yield base[::2]
    if base.ndim == 3:
        yield base.transpose(1, 0, 2)
        yield base.transpose(2, 0, 1)
    fixed = base.copy()
    fixed.setflags(write=False)
    yield fixed


def same(one: Any, two: Any) -> None:
    """Equal in value, type, dtype, shape and order in memory."""
    assert type(one) is type(two)
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
        assert one.flags.c_contiguous == two.flags.c_contiguous
        assert one.flags.f_contiguous == two.flags.f_contiguous
        if not one.dtype.hasobject:
            assert one.tobytes() == two.tobytes()
            return
    if isinstance(one, np.generic):
        assert (one.dtype, one.tobytes()) == (two.dtype, two.tobytes())
    elif isinstance(one, np.ndarray | list | tuple):
        rows = (one.flat, two.flat) if isinstance(one, np.ndarray) else (one, two)
        for mine, theirs in zip(*rows, strict=True):
            same(mine, theirs)
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for key in one:
            same(one[key], two[key])
    else:
        assert one == two or (one != one and two != two)  # nan


@pytest.mark.parametrize("dtype", [*NUMBERS, *TEXT, "O"])
def test_arrays_of_every_kind_and_order(dtype):
    for shape in SHAPES:
        for array in layouts(array_of(dtype, shape)):
            for protocol in PROTOCOLS:
                content = pickle.dumps([array, {"again": array}], protocol)
                same(pickle.loads(content), loads_plain(content))


@pytest.mark.parametrize("dtype", ["<f8", ">i4", "<U4", "O"])
@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
def test_names_of_numpy_1(dtype):
    for protocol in range(4):  # later ones store the length of a name
        content = pickle.dumps(np.asfortranarray(array_of(dtype, (2, 3))), protocol)
        older = content.replace(b"numpy._core", b"numpy.core")
        assert older != content
        same(pickle.loads(older), loads_plain(older))


@pytest.mark.parametrize("dtype", [*NUMBERS, *TEXT])
def test_scalars(dtype):
    value = array_of(dtype, (3,))[1]
    for protocol in PROTOCOLS:
        content = pickle.dumps((value, [value]), protocol)
        same(pickle.loads(content), loads_plain(content))


@pytest.mark.parametrize(
    "value", [np.dtype(">i2"), np.dtype("O"), OrderedDict(b=1, a=np.arange(2)), {1, "x"}, slice(1, None, 2), b"\x80"]
)
def test_other_plain_types(value):
    for protocol in PROTOCOLS:
        content = pickle.dumps(value, protocol)
        same(pickle.loads(content), loads_plain(content))


def of_python_2(dtype: bytes, order: bytes, by_columns: bool, content: bytes) -> bytes:
    """A pickle of a 2 x 3 array as Python 2 wrote it: names and bytes are of one type."""
    flag, objects = b"\x89\x88"[by_columns : by_columns + 1], b"?" if dtype == b"O8" else b"\x00"
    return (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02K\x03\x86"
        b"cnumpy\ndtype\nU" + bytes([len(dtype)]) + dtype + b"K\x00K\x01\x87R(K\x03U\x01" + order + b"NNNJ\xff\xff\xff"
        b"\xffJ\xff\xff\xff\xffK" + objects + b"tb" + flag + content + b"tb."
    )


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning", "ignore:dtype")
def test_arrays_of_python_2(by_columns, order, tmp_path):
    wanted = np.array([[0.1, -2, 3e300], [np.nan, 5, 6]])
    raw = wanted.astype(f"{order}f8").tobytes("F" if by_columns else "C")
    numbers = of_python_2(b"f8", order.encode(), by_columns, b"U" + bytes([len(raw)]) + raw)
    names = b"](" + b"".join(b"U\x02" + name for name in (b"ab", b"\xe4c", b"de", b"fg", b"hi", b"jk")) + b"e"
    for content in (numbers, of_python_2(b"O8", b"|", by_columns, names)):
        (tmp_path / "x.pickle").write_bytes(content)
        expected = pickle.loads(content, encoding="latin1")
        same(expected, load_plain_pickle(tmp_path / "x.pickle"))
        same(expected, loads_plain(content, encoding="latin1"))
    np.testing.assert_array_equal(loads_plain(numbers, encoding="latin1"), wanted)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(2, [("a", "f8")]), "arrays of 'V8'"),
        (np.zeros(2, [("a", "f8", 3)]), "arrays of 'V24'"),
        (np.zeros(2, [("a", "O")]), "arrays of 'V8'"),
        (np.rec.array([(1, 2.0)]), "numpy.rec.recarray"),
        (np.zeros(2, "V4"), "arrays of 'V4'"),
        (np.zeros(2, "M8[s]"), "arrays of 'M8'"),
        (np.zeros(2, "m8[s]"), "arrays of 'm8'"),
        (np.ma.array([1, 2], mask=[0, 1]), "numpy.ma.core._mareconstruct"),
    ],
)
def test_what_is_not_plain_is_refused(array, words, tmp_path: Path):
    for protocol in PROTOCOLS:
        content = pickle.dumps({"x": [array]}, protocol)
        with pytest.raises(Foreign, match=words):
            loads_plain(content)
        (tmp_path / "x.pickle").write_bytes(content)
        with pytest.raises(DlcxError, match=f"x.pickle is refused: .*{words}"):
            load_plain_pickle(tmp_path / "x.pickle")


class EasyDict(dict[str, Any]):
    """A class of mappings such as DeepLabCut 2 pickles beside its numbers."""


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
@pytest.mark.parametrize("entries", [{"x": 1}, {"x": 1, "y": EasyDict(z=[2])}])
def test_classes_of_mappings_are_passed_over_where_they_are_expected(tmp_path, entries, protocol):
    path = tmp_path / "a_meta.pickle"
    path.write_bytes(pickle.dumps({"cfg": EasyDict(entries), "frames": 12}, protocol))
    found = load_plain_pickle(path, foreign=True)
    assert found["frames"] == 12
    assert type(found["cfg"]).__name__ == "EasyDict"
    with pytest.raises(DlcxError, match="EasyDict, which is never loaded"):
        load_plain_pickle(path)


class ScalarFloat(float):
    """A number of ruamel.yaml as DeepLabCut 2 pickles it, with how it was written."""

    def __init__(self, _value: float) -> None:
        self.width = 3


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
def test_numbers_of_a_class_of_their_own_keep_their_values(tmp_path, protocol):
    path = tmp_path / "a_meta.pickle"
    path.write_bytes(pickle.dumps({"training set fraction": ScalarFloat(0.8), "frames": 12}, protocol))
    assert without_stubs(load_plain_pickle(path, foreign=True)) == {"training set fraction": 0.8, "frames": 12}
