"""Worker process of :mod:`dlcx.formats.serialization.hdf5.isolated`: reads files and answers in plain pickles."""

from __future__ import annotations

import bz2
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.hdf5.datasets import DECODERS, Decoder
from dlcx.formats.serialization.hdf5.nodes import Node, opened
from dlcx.formats.serialization.hdf5.structure import Damaged, NotCovered, RefersElsewhere
from dlcx.untrusted_files import check_claim

_ELSEWHERE = "{name} refers to another file"
#: Prefix of the groups in which PyTables stores its row index, which is not read.
_INDEX = "_i_"
_HINT = "Save the table in one file."


def main() -> None:
    """Answer requests until the input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries must not mix with the answers
    for line in requests:
        _send(answers, _answer(json.loads(line)))


def _send(stream: BinaryIO, answer: dict[str, Any]) -> None:
    content = pickle.dumps(answer, 4)
    stream.write(len(content).to_bytes(8, "little") + content)
    stream.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    try:
        if request["what"] == "check":
            _read_by_library(path)
            return {}
        return {"root": _read(path)}
    except RefersElsewhere as error:
        return {"refused": _ELSEWHERE.format(name=error), "hint": _HINT}
    except DlcxError as error:
        return {"refused": str(error).removeprefix(f"{path} is refused: "), "hint": error.hint or ""}
    except Exception as error:  # h5py raises errors of any type on a damaged file
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return {"error": (lines[-1] if lines else type(error).__name__)[:200]}


def _read(path: Path) -> dict[str, Any]:
    try:
        with opened(path, {**DECODERS, **_MORE}) as root:
            return _of_node(root)
    except NotCovered:
        return _read_by_library(path)


def _read_by_library(path: Path) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        _check(file, path)
        return _of_group(file)


def _of_node(node: Node) -> dict[str, Any]:
    attributes = {name: _plain(one()) for name, one in node.raw_attributes.items()}
    if node.children is None:
        return {"attributes": attributes, "children": None, "values": _split(node.values())}
    children = {name: _of_node(one) for name, one in node.children.items() if not name.startswith(_INDEX)}
    return {"attributes": attributes, "children": children}


def _split(values: Any) -> Any:
    """Convert an array of records to a dictionary of its columns, which a plain pickle can hold."""
    if isinstance(values, np.ndarray) and values.dtype.names:
        return {name: np.ascontiguousarray(values[name]) for name in values.dtype.names}
    return values


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, np.bytes_) else value


def _check(file: Any, path: Path) -> None:
    """Refuse links to other files, and sizes that the file is too small for."""
    import h5py

    claimed = 0
    waiting = [file]
    seen = set()
    while waiting:
        group = waiting.pop()
        if group.id in seen:
            continue
        seen.add(group.id)
        for name in group:
            link = group.get(name, getlink=True)
            where = f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.ExternalLink):
                raise RefersElsewhere(where)
            if not isinstance(link, h5py.HardLink):
                continue
            one = group[name]
            if isinstance(one, h5py.Dataset):
                if one.external or one.is_virtual:
                    raise RefersElsewhere(where)
                claimed += one.size * one.dtype.itemsize if one.size else 0
            elif isinstance(one, h5py.Group):
                waiting.append(one)
    check_claim(path, claimed, "tables")


def _of_group(group: Any, depth: int = 0) -> dict[str, Any]:
    import h5py

    if depth > 64:
        raise ValueError("groups lie more than 64 deep in each other")
    children = {}
    for name in group:
        if name.startswith(_INDEX) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        one = group[name]
        if isinstance(one, h5py.Group):
            children[name] = _of_group(one, depth + 1)
        elif isinstance(one, h5py.Dataset):
            children[name] = {"attributes": _attributes(one), "children": None, "values": _values(one)}
    return {"attributes": _attributes(group), "children": children}


def _attributes(one: Any) -> dict[str, Any]:
    import h5py

    found = {}
    for name in one.attrs:
        about = one.attrs.get_id(name)
        if about.dtype.kind == "O" or h5py.h5t.check_ref_dtype(about.dtype):
            value = one.attrs[name]
            found[name] = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else None
        elif about.shape is None:
            found[name] = b""
        else:
            made = np.empty(about.shape, about.dtype)
            about.read(made)
            value = made[()]
            found[name] = _plain(value if about.get_type().get_class() != h5py.h5t.BITFIELD else value != 0)
    return found


def _values(one: Any) -> Any:
    import h5py

    kind = one.id.get_type()
    if one.shape is None:
        return np.empty(0)
    base = h5py.check_vlen_dtype(one.dtype)
    if base is not None:
        return [bytes(row) if isinstance(row, bytes) else np.asarray(row).tobytes() for row in one[()].ravel()]
    if one.dtype.kind == "O":
        return [row if isinstance(row, bytes) else bytes(str(row), "utf-8") for row in one[()].ravel()]
    values = _split(one[()])
    if kind.get_class() == h5py.h5t.BITFIELD and one.dtype.itemsize == 1:
        return values != 0
    return values


def _unblosc(_: tuple[int, ...], content: bytes, max_size: int) -> bytes:
    import blosc2  # installed with PyTables

    if int.from_bytes(content[4:8], "little") > max_size:
        raise Damaged("packed numbers unpack to more than their part of the table")
    return bytes(blosc2.decompress(content))


def _unbzip2(_: tuple[int, ...], content: bytes, max_size: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(content, max_size)


#: Filters of PyTables that only run in this process: they use C libraries, or may expand a few bytes to very many.
_MORE: dict[int, Decoder] = {32001: _unblosc, 307: _unbzip2}


if __name__ == "__main__":
    main()
