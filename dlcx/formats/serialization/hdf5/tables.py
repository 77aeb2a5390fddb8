"""Tables of pandas in HDF5 files: read without running code from the file, and written completely or not at all.

:mod:`dlcx.formats.serialization.hdf5.structure` reads the format that pandas writes and checks every address. Other
files are read by the HDF5 library in a separate process (:mod:`dlcx.formats.serialization.hdf5.isolated`), because the
library crashes on damaged files. :mod:`dlcx.formats.serialization.pickles` unpickles objects and creates only plain
types and numpy arrays. Files with other objects, and files that claim to hold far more than their size allows, are
refused.

Files are created in memory and written by this module, because the HDF5 library does not report a full disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.serialization.hdf5.isolated import check_isolated, read_isolated
from dlcx.formats.serialization.hdf5.nodes import Node, opened, refused_reference
from dlcx.formats.serialization.hdf5.pandas_layout import (
    NotNumbers,
    StoredTable,
    group_of,
    is_table_format,
    read_stored,
    stored_keys,
)
from dlcx.formats.serialization.hdf5.structure import ByteSource, Damaged, NotCovered, RefersElsewhere, is_hdf5
from dlcx.formats.serialization.pickles import Foreign
from dlcx.outputs import atomic_file
from dlcx.untrusted_files import file_size

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "check_hdf5",
    "read_arrays",
    "read_attribute",
    "read_form",
    "read_names",
    "read_stored_table",
    "read_table",
    "write_table",
]

#: Bytes by which a file in memory grows.
_STEP = 2**20

Loaded = TypeVar("Loaded")


def read_table(path: Path, keys: Sequence[str], *, any_key: bool = False) -> pd.DataFrame:
    """Return the first table stored under one of ``keys``; with ``any_key`` also a file's only table under another key.

    Raises
    ------
    DlcxError
        If the file is not HDF5, holds no such table, or holds objects that are not plain.
    """
    return _loaded(path, lambda root: _stored(root, path, keys, any_key).frame())


def read_stored_table(path: Path, keys: Sequence[str], *, any_key: bool = False) -> StoredTable:
    """Return the same table as :func:`read_table` in its parts, without importing pandas.

    Raises
    ------
    DlcxError
        See :func:`read_table`.
    """
    return _loaded(path, lambda root: _stored(root, path, keys, any_key))


def _stored(root: Node, path: Path, keys: Sequence[str], any_key: bool) -> StoredTable:
    found = stored_keys(root)
    key = next((key for key in keys if key in found), found[0] if any_key and len(found) == 1 else None)
    table = None if key is None else read_stored(group_of(root, key))
    if table is None or (table.columns.codes is None):
        raise DlcxError(f"{path}: expected a table of poses under the key {' or '.join(keys)}, got keys {found[:10]}")
    return table


def write_table(
    frame: pd.DataFrame, path: Path, key: str, *, table: bool = False, attributes: Mapping[str, str] | None = None
) -> None:
    """Write a frame to a new file in pandas' ``table`` or ``fixed`` format; ``attributes`` are set on its group.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    import pandas as pd

    with warnings.catch_warnings():
        # PyTables warns that names with a dash or space are not Python identifiers, which does not matter here.
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
    with atomic_file(path, len(content)) as beside:
        beside.write_bytes(content)


def read_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the arrays ``names`` at the top level of a file, as far as they exist.

    Raises
    ------
    DlcxError
        If the file is not HDF5 or is damaged.
    """

    def load(root: Node) -> dict[str, np.ndarray]:
        nodes = {name: node for name in names if (node := (root.children or {}).get(name)) is not None}
        values = {name: node.values() for name, node in nodes.items() if node.children is None}
        return {name: np.array(one, object) if isinstance(one, list) else one for name, one in values.items()}

    return _loaded(path, load)


def read_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays at the top level of a file; empty if it is not HDF5 or cannot be read."""
    try:
        return _loaded(path, lambda root: tuple(k for k, one in (root.children or {}).items() if one.children is None))
    except DlcxError:
        return ()


def read_form(path: Path, keys: Sequence[str]) -> tuple[str, bool]:
    """Return the first of ``keys`` under which a file holds a table, and whether it is in pandas' ``table`` format.

    Raises
    ------
    DlcxError
        If there is no such table or the file is damaged.
    """

    def load(root: Node) -> tuple[str, bool] | None:
        found = stored_keys(root)
        key = next((key for key in keys if key in found), None)
        return None if key is None else (key, is_table_format(group_of(root, key)))

    form = _loaded(path, load)
    if form is None:
        raise DlcxError(f"{path}: expected a table of poses under the key {' or '.join(keys)}")
    return form


def read_attribute(path: Path, keys: Sequence[str], name: str) -> str:
    """Return a text attribute of the first table under one of ``keys``; empty if there is none."""

    def load(root: Node) -> str:
        groups = [root.children[key] for key in keys if root.children and key in root.children]
        value = groups[0].attribute(name, "") if groups else ""
        return value if isinstance(value, str) else ""

    try:
        return _loaded(path, load)
    except DlcxError:
        return ""


def check_hdf5(path: Path, kind: str) -> None:
    """Refuse a file that would crash the HDF5 library or refers to other files; ``kind`` describes it in the message.

    Raises
    ------
    DlcxError
        If the file is not HDF5, is damaged, refers to other files, or claims to hold far more than its size allows.
    """
    file_size(path)
    _check_signature(path, kind)
    check_isolated(path)


def _loaded(path: Path, load: Callable[[Node], Loaded]) -> Loaded:
    """Read a file with ``load`` and add its name to every error."""
    path = Path(path)
    file_size(path)
    try:
        try:
            with opened(path) as root:
                return load(root)
        except NotCovered:
            _check_signature(path, "a table of poses")
        return load(read_isolated(path))
    except DlcxError:
        raise
    except RefersElsewhere as error:
        raise refused_reference(path, error) from None
    except Foreign as error:
        raise DlcxError(
            f"{path} is refused: {error}",
            hint="Tables of poses hold numbers and names; another program may run code hidden in this one.",
        ) from None
    except NotNumbers as error:
        raise DlcxError(f"{path}: expected numbers ({error})") from None
    except Damaged as error:
        raise DlcxError(f"{path} is damaged: {error}", hint="Take it from a copy.") from None
    except Exception as error:  # a damaged file may hold anything in place of names and numbers
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DlcxError(f"{path}: cannot be read as a table of poses ({reason})") from None


def _check_signature(path: Path, kind: str) -> None:
    with ByteSource(path) as source:
        if not is_hdf5(source):
            raise DlcxError(f"{path}: cannot be read as {kind} (no HDF5 file)")
