"""Tables of pandas in HDF5 files: read without running what a file holds, written whole or not at all.

PyTables unpickles attributes and the rows of object arrays by itself, and pandas keeps names of columns that way.
Here only plain types and numpy arrays are unpickled (:mod:`dlcx.formats.pickles`); a file with anything else is
refused, and so is one that claims to hold far more than its size on the disk allows.

Files are made in memory and written by this module: the HDF5 library keeps silent when a disk is full.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import CDLL, c_int, c_int64
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import pandas as pd
import tables
from tables import atom, attributeset

from dlcx.errors import DlcxError
from dlcx.formats.pickles import Foreign, plain_loads
from dlcx.inputs import check_claim, file_size
from dlcx.outputs import whole_file

#: The layout of a dataset that is made of others, and what the functions of the library that tell it answer.
_VIRTUAL = 3
_FUNCTIONS: dict[str, Any] = {"H5Dget_create_plist": None, "H5Pget_external_count": c_int, "H5Pget_layout": c_int}
_FUNCTIONS |= {"H5Pclose": c_int}

#: Longer than reading any whole file takes.
MOST_SECONDS = 300

#: Bytes by which a file grows while it is made in memory.
_STEP = 2**20

Loaded = TypeVar("Loaded")

_lock = threading.Lock()


def read_table(path: Path, keys: Sequence[str], *, any_key: bool = False) -> pd.DataFrame:
    """The first table of a file that is under one of ``keys``; with ``any_key`` else the only one, whatever its key.

    Raises
    ------
    DlcxError
        When the file is no HDF5, holds no such table, or holds objects that are not plain.
    """
    found: list[str] = []

    def load() -> Any:
        with pd.HDFStore(path, mode="r") as store:
            found[:] = [key.lstrip("/") for key in store.keys()]  # noqa: SIM118  not a dictionary
            key = next((key for key in keys if key in found), found[0] if any_key and len(found) == 1 else None)
            _check(store.root._v_file, path)
            return None if key is None else store[key]

    table = _guarded(path, load)
    if not isinstance(table, pd.DataFrame) or not isinstance(table.columns, pd.MultiIndex):
        raise DlcxError(f"{path}: expected a table of poses under the key {' or '.join(keys)}, got keys {found[:10]}")
    return table


def write_table(
    frame: pd.DataFrame, path: Path, key: str, *, table: bool = False, attributes: Mapping[str, str] | None = None
) -> None:
    """Write a frame as the only one of a file, in pandas' ``table`` or ``fixed`` format; its group gets ``attributes``.

    Raises
    ------
    DlcxError
        When the file cannot be written.
    """
    with warnings.catch_warnings():
        # PyTables remarks that names with a dash or blank are no Python identifiers; nothing here uses them so.
        warnings.simplefilter("ignore")
        options: dict[str, Any] = {
            "driver": "H5FD_CORE",
            "driver_core_backing_store": 0,
            "driver_core_increment": _STEP,
        }
        with pd.HDFStore(str(path), mode="w", **options) as store:
            frame.to_hdf(store, key=key, format="table" if table else "fixed")
            for name, value in (attributes or {}).items():
                store.root._v_children[key]._v_attrs[name] = np.str_(value)
            content = store.root._v_file.get_file_image()
    with whole_file(path, len(content)) as beside:
        beside.write_bytes(content)


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of the arrays ``names`` that stand at the top of a file.

    Raises
    ------
    DlcxError
        When the file is no HDF5, is broken, or holds objects that are not plain.
    """

    def load() -> dict[str, np.ndarray]:
        with tables.open_file(path) as file:
            _check(file, path)
            nodes = {name: file.root._v_children[name] for name in names if name in file.root._v_children}
            return {name: node.read() for name, node in nodes.items() if isinstance(node, tables.Array)}

    return _guarded(path, load)


def _guarded(path: Path, load: Callable[[], Loaded]) -> Loaded:
    """What ``load`` reads of an HDF5 file: only plain objects are unpickled, and whatever fails names the file."""
    file_size(path)
    with warnings.catch_warnings(), _plain_objects_only() as refused:
        warnings.simplefilter("ignore")
        if not survives(load):
            raise DlcxError(f"{path} is damaged: the HDF5 library crashes on it", hint="Take it from a copy.")
        try:
            loaded = load()
        except DlcxError:
            raise
        except Exception as error:  # pandas and PyTables raise whatever they meet in a broken file
            if not refused:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                reason = (lines[-1] if lines else repr(error))[:200]  # the last of HDF5's own lines says most
                reason = reason if _is_hdf5(path) else "no HDF5 file"
                raise DlcxError(f"{path}: cannot be read as a table of poses ({reason})") from None
        if refused:  # PyTables takes what cannot be unpickled for text and goes on
            raise DlcxError(
                f"{path} is refused: {refused[0]}",
                hint="Tables of poses hold numbers and names; another program may run code hidden in this one.",
            )
    return loaded


def survives(load: Callable[[], Any]) -> bool:
    """Whether a child process lives through it: damaged files make the HDF5 library crash, or go round in circles.

    Where processes cannot fork, nobody knows.
    """
    if not hasattr(os, "fork"):
        return True
    child = os.fork()
    if child == 0:
        try:
            faulthandler.disable()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(MOST_SECONDS)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the C library says when it dies
            load()
        finally:
            os._exit(0)  # what it raises comes again in the parent
    return not os.WIFSIGNALED(os.waitpid(child, 0)[1])


def read_form(path: Path, keys: Sequence[str]) -> tuple[str, bool]:
    """The first of ``keys`` that a file has a table under, and whether pandas' ``table`` format holds it.

    Raises
    ------
    DlcxError
        When there is none, or the file is broken.
    """

    def load() -> tuple[str, bool] | None:
        with pd.HDFStore(path, mode="r") as store:
            _check(store.root._v_file, path)
            found = {key.lstrip("/") for key in store.keys()}  # noqa: SIM118  not a dictionary
            key = next((key for key in keys if key in found), None)
            return None if key is None else (key, bool(store.get_storer(key).is_table))  # type: ignore[operator]

    form = _guarded(path, load)
    if form is None:
        raise DlcxError(f"{path}: expected a table of poses under the key {' or '.join(keys)}")
    return form


def read_attribute(path: Path, keys: Sequence[str], name: str) -> str:
    """A text that is an attribute of the first table that is under one of ``keys``; nothing where there is none."""

    def load() -> str:
        with tables.open_file(path, "r") as file:
            _check(file, path)
            groups = [file.get_node(f"/{key}") for key in keys if f"/{key}" in file]
            value = getattr(groups[0]._v_attrs, name, "") if groups else ""
            return value if isinstance(value, str) else ""

    try:
        return _guarded(path, load)
    except DlcxError:
        return ""


@contextmanager
def _plain_objects_only() -> Iterator[list[str]]:
    """While the body runs, PyTables unpickles plain types only; yields the list of what it was kept from."""
    refused: list[str] = []

    def loads(content: Any, *, encoding: str = "ASCII") -> Any:
        try:
            return plain_loads(bytes(content), encoding=encoding)
        except Foreign as error:
            refused.append(str(error))
            raise

    plain = SimpleNamespace(loads=loads, dumps=pickle.dumps, HIGHEST_PROTOCOL=pickle.HIGHEST_PROTOCOL)
    with _lock, mock.patch.object(atom, "pickle", plain), mock.patch.object(attributeset, "pickle", plain):
        yield refused


def check_hdf5(path: Path) -> None:
    """Refuse a file, before another library reads it, as this module would; nothing of it is unpickled.

    Raises
    ------
    DlcxError
        When it is no HDF5, refers to other files, or claims to hold far more than its size allows.
    """
    file_size(path)
    with warnings.catch_warnings(), _plain_objects_only():
        warnings.simplefilter("ignore")  # about what PyTables does not know
        with tables.open_file(str(path)) as file:
            _check(file, path)


def _check(file: tables.File, path: Path) -> None:
    """Refuse a file whose numbers lie in other files, and a few bytes that claim to be a table of terabytes.

    Raises
    ------
    DlcxError
        Names what refers elsewhere, or says how many bytes there are and how many are claimed.
    """
    nodes = list(file.walk_nodes("/"))
    for node in nodes:
        if _refers_elsewhere(node):
            raise DlcxError(
                f"{path} is refused: {node._v_pathname} refers to another file", hint="Save the table in one file."
            )
    leaves = [node for node in nodes if isinstance(node, tables.Leaf)]
    sized = [leaf for leaf in leaves if not isinstance(leaf, (tables.VLArray, tables.UnImplemented))]
    check_claim(path, sum(leaf.size_in_memory for leaf in sized), "tables")


def _refers_elsewhere(node: Any) -> bool:
    """Whether a node is a link into another file, or its values are those of other files.

    PyTables does not tell the latter; the HDF5 library that it is linked with does.
    """
    if isinstance(node, tables.link.ExternalLink):
        return True
    library = _library()
    if library is None or not isinstance(node, tables.Leaf):
        return False
    made_by = library.H5Dget_create_plist(node._v_objectid)
    try:
        return library.H5Pget_external_count(made_by) > 0 or library.H5Pget_layout(made_by) == _VIRTUAL
    finally:
        library.H5Pclose(made_by)


@cache
def _library() -> Any:
    """The HDF5 library that PyTables uses; None where the system does not find its functions (Windows)."""
    try:
        library = CDLL(tables.hdf5extension.__file__)
        for name, answer in _FUNCTIONS.items():
            function = getattr(library, name)
            function.argtypes, function.restype = [c_int64], c_int64 if answer is None else answer
    except (OSError, AttributeError):
        return None
    return library


def _is_hdf5(path: Path) -> bool:
    try:
        return bool(tables.is_hdf5_file(path))
    except (OSError, tables.HDF5ExtError):
        return False
