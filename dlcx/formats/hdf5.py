"""Tables of pandas in HDF5 files, read without running what a file holds.

PyTables unpickles attributes and the rows of object arrays by itself, and pandas keeps names of columns that way.
Here only plain types and numpy arrays are unpickled (:mod:`dlcx.formats.pickles`); a file with anything else is
refused, and so is one that claims to hold far more than its size on the disk allows.
"""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pandas as pd
import tables
from tables import atom, attributeset

from dlcx.errors import DlcxError
from dlcx.formats.pickles import Foreign, plain_loads

#: A table may be this many times larger than its file (what zlib reaches at best), and this many bytes besides.
LARGEST_RATIO, ALWAYS_ALLOWED = 1_032, 2**26

_lock = threading.Lock()


def read_table(path: Path, keys: Sequence[str], *, any_key: bool = False) -> pd.DataFrame:
    """The first table of a file that is under one of ``keys``; with ``any_key`` else the only one, whatever its key.

    Raises
    ------
    DlcxError
        When the file is no HDF5, holds no such table, or holds objects that are not plain.
    """
    found: list[str] = []
    table: Any = None
    try:
        with warnings.catch_warnings(), _plain_objects_only() as refused:
            warnings.simplefilter("ignore")
            try:
                with pd.HDFStore(path, mode="r") as store:
                    found = [key.lstrip("/") for key in store.keys()]  # noqa: SIM118  not a dictionary
                    key = next((key for key in keys if key in found), found[0] if any_key and len(found) == 1 else None)
                    if key is not None:
                        _check_size(store, path)
                        table = store[key]
            finally:
                if refused:  # PyTables takes what cannot be unpickled for text, so this is how it comes out
                    raise DlcxError(
                        f"{path} is refused: {refused[0]}",
                        hint="Tables of poses hold numbers and names; another program may run code hidden in this one.",
                    )
    except DlcxError:
        raise
    except Exception as error:  # pandas and PyTables raise whatever they meet in a broken file
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = (lines[-1] if lines else repr(error))[:200]  # the last of HDF5's own lines says most
        if not _is_hdf5(path):
            reason = "no HDF5 file"
        raise DlcxError(f"{path}: cannot be read as a table of poses ({reason})") from None
    if not isinstance(table, pd.DataFrame) or not isinstance(table.columns, pd.MultiIndex):
        raise DlcxError(f"{path}: expected a table of poses under the key {' or '.join(keys)}, got keys {found[:10]}")
    return table


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


def _check_size(store: pd.HDFStore, path: Path) -> None:
    """A few bytes may claim to be a table of terabytes."""
    claimed = sum(leaf.size_in_memory for leaf in store.root._v_file.walk_nodes("/", "Leaf") if _is_plain(leaf))
    size = path.stat().st_size
    if claimed > LARGEST_RATIO * size + ALWAYS_ALLOWED:
        raise DlcxError(f"{path} is refused: {size} bytes claim to hold tables of {claimed} bytes")


def _is_plain(leaf: Any) -> bool:
    return not isinstance(leaf, (tables.VLArray, tables.UnImplemented))


def _is_hdf5(path: Path) -> bool:
    try:
        return bool(tables.is_hdf5_file(path))
    except (OSError, tables.HDF5ExtError):
        return False
