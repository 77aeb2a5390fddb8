"""Tables as stored by pandas in its ``fixed`` and ``table`` formats.

::

    fixed  axis0, axis1               columns and rows: one dataset, or *_level0, *_label0, ... of a MultiIndex
           block0_items, block0_values, block1_...   the columns that share a type, and their values
    table  table                      one record per row: index, values_block_0, ...
                                      the columns of a block are its attribute values_block_0_kind

Format: pandas 0.11 to 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlcx.formats.serialization.hdf5.nodes import Node

if TYPE_CHECKING:
    import pandas as pd

#: Kinds of an index whose numbers are used unchanged.
_NUMBERS = ("integer", "float", "bool")
#: Types of columns in the ``table`` format.
_STORED = ("float", "int", "uint", "bool", "bytes", "string")


class NotNumbers(ValueError):
    """Columns of a table have a type that poses and labels never have."""


class Unknown(ValueError):
    """pandas may be able to read the table, but poses and labels are not stored this way."""


@dataclass(frozen=True)
class Level:
    """The values of an index or of one level of it; ``kind`` is pandas' name for their type."""

    values: Any
    name: Any
    kind: str

    def index(self) -> pd.Index:
        """Return the pandas index."""
        import pandas as pd

        if self.kind == "object":
            index: pd.Index = pd.Index(self.values, dtype=object, name=self.name)
        elif self.kind == "string":
            # even if all texts are missing
            index = pd.Index(self.values, dtype=pd.Index(["a"]).dtype, name=self.name)
        else:
            index = pd.Index(self.values, name=self.name, copy=False)
        return index


@dataclass(frozen=True)
class Axis:
    """Names of columns or rows; ``codes`` select from each of several ``levels`` and are None for a single level."""

    levels: tuple[Level, ...]
    codes: tuple[np.ndarray, ...] | None = None

    def index(self) -> pd.Index:
        """Return the pandas index."""
        import pandas as pd

        if self.codes is None:
            return self.levels[0].index()
        levels: list[Any] = [level.index() for level in self.levels]
        codes: list[Any] = list(self.codes)
        return pd.MultiIndex(levels, codes, names=[level.name for level in self.levels])

    def rows(self) -> list[Any]:
        """Return the names as a list, as tuples if there are several levels; None stands for a missing name."""
        if self.codes is None:
            return list(self.levels[0].values)
        columns = []
        for level, codes in zip(self.levels, self.codes, strict=True):
            values = [*level.values, None]  # selected by the code -1
            columns.append([values[code] for code in codes.tolist()])
        return list(zip(*columns, strict=True))


@dataclass(frozen=True)
class Block:
    """Columns of one type: their names, and their values of shape (rows, columns)."""

    items: Axis
    values: np.ndarray


@dataclass(frozen=True)
class StoredTable:
    """A table as read from a file: its columns, rows, and blocks of values."""

    columns: Axis
    index: Axis
    blocks: tuple[Block, ...]

    def frame(self) -> pd.DataFrame:
        """Return the table as a pandas frame.

        Raises
        ------
        ValueError
            If names and values do not match.
        """
        import pandas as pd

        columns, index = self.columns.index(), self.index.index()
        parts = [
            pd.DataFrame(np.asfortranarray(one.values), columns=one.items.index(), index=index, copy=False)
            for one in self.blocks
        ]
        if not parts:
            return pd.DataFrame(columns=columns, index=index)
        whole = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1)
        if whole.columns.equals(columns):
            whole.columns = columns
            return whole
        if not columns.is_unique or not whole.columns.is_unique:
            raise ValueError("two columns have one name")
        return whole.reindex(columns=columns)


def stored_keys(root: Node) -> list[str]:
    """Return the keys of the groups written by pandas, including their parent groups (``group/table``)."""
    return [
        node.name.strip("/")
        for node in root.walk()
        if node.children is not None and node.attribute("pandas_type") and "/meta/" not in f"{node.name}/"
    ]


def group_of(root: Node, key: str) -> Node:
    """Return the group stored under a key."""
    node = root
    for part in key.split("/"):
        node = node.child(part)
    return node


def is_table_format(group: Node) -> bool:
    """Return whether a group is in pandas' ``table`` format rather than ``fixed``."""
    return str(group.attribute("pandas_type")).endswith("_table")


def read_stored(group: Node) -> StoredTable | None:
    """Return the table in a group; None if the group holds a series or something else.

    Raises
    ------
    NotNumbers, Unknown
        If the values have a type that poses never have, or the rows are stored in an unknown format.
    KeyError, ValueError, TypeError
        If a dataset or attribute is missing or invalid.
    Foreign
        If it holds pickled objects that are not plain.
    """
    kind = group.attribute("pandas_type")
    if kind == "frame":
        return _Fixed(group).read()
    return _read_records(group) if kind == "frame_table" else None


class _Texts:
    """Encoding of the texts in a group."""

    def __init__(self, group: Node) -> None:
        self.encoding = group.attribute("encoding") or "UTF-8"
        self.errors = group.attribute("errors", "strict")
        if not isinstance(self.encoding, str) or not isinstance(self.errors, str):
            raise ValueError("its encoding is no text")

    def decoded(self, values: np.ndarray, missing: str | None) -> np.ndarray:
        """Decode bytes to an object array of str; texts equal to ``missing`` become nan."""
        if values.dtype.kind != "S":
            raise ValueError(f"expected texts, got {values.dtype}")
        found = [one.decode(self.encoding, self.errors) for one in values.ravel().tolist()]
        made = np.empty(len(found), object)
        made[:] = [np.nan if one == missing else one for one in found] if missing else found
        return made.reshape(values.shape)


class _Fixed:
    def __init__(self, group: Node) -> None:
        self._group = group
        self._texts = _Texts(group)

    def read(self) -> StoredTable:
        group = self._group
        if group.attribute("ndim") != 2:
            raise ValueError("expected a table of rows and columns")
        columns, index = self._axis("axis0"), self._axis("axis1")
        count = int(group.attribute("nblocks"))
        if not 0 <= count <= len(group.children or ()):
            raise ValueError(f"it claims {count} blocks")
        blocks = [Block(self._axis(f"block{n}_items"), self._values(f"block{n}_values")) for n in range(count)]
        return StoredTable(columns, index, tuple(blocks))

    def _axis(self, name: str) -> Axis:
        variety = self._group.attribute(f"{name}_variety")
        if variety == "regular":
            return Axis((self._level(name),))
        if variety != "multi":
            raise ValueError(f"{name} is of the unknown kind {str(variety)[:40]!r}")
        count = int(self._group.attribute(f"{name}_nlevels"))
        if not 0 < count <= len(self._group.children or ()):
            raise ValueError(f"{name} claims {count} levels")
        levels = tuple(self._level(f"{name}_level{n}") for n in range(count))
        codes = tuple(_emptied(self._group.child(f"{name}_label{n}")) for n in range(count))
        for level, chosen in zip(levels, codes, strict=True):
            if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or len(chosen) != len(codes[0]):
                raise ValueError(f"the levels of {name} have different lengths")
            if chosen.size and not -1 <= int(chosen.min()) <= int(chosen.max()) < len(level.values):
                raise ValueError(f"{name} names what its levels lack")
        return Axis(levels, codes)

    def _level(self, name: str) -> Level:
        node = self._group.child(name)
        kind, label = str(node.attribute("kind")), node.attribute("name")
        for attribute in ("index_class", "freq", "tz"):
            node.attribute(attribute)  # raises Foreign unless it is a plain object
        if kind == "object":
            values = np.asarray(node.objects(), object)
        elif kind == "string":
            values = self._texts.decoded(_emptied(node), node.attribute("nan_rep", "nan"))
        elif kind in _NUMBERS:
            values = _emptied(node)
        elif kind.startswith("datetime64"):
            values = _emptied(node).view("M8[ns]" if kind == "datetime64" else kind)
        elif kind == "category":
            return self._categories(node, name, label)
        else:
            raise Unknown(f"{name} is made of {kind[:40]}")
        if values.ndim != 1:
            raise ValueError(f"{name} has {values.ndim} sides")
        return Level(values, label, kind)

    def _categories(self, node: Node, name: str, label: Any) -> Level:
        import pandas as pd

        codes, names = _emptied(node), self._axis(f"{name}_categories").index()
        if codes.size and not -1 <= int(codes.min()) <= int(codes.max()) < len(names):
            raise ValueError(f"{name} names what it lacks")
        ordered = bool(node.attribute("ordered", False))
        return Level(pd.Categorical.from_codes(codes, categories=names, ordered=ordered), label, "category")

    def _values(self, name: str) -> np.ndarray:
        node = self._group.child(name)
        kind = node.attribute("value_type")
        values = node.values()
        if isinstance(values, list):
            if node.has("shape") and not values:
                values = _emptied(node)
            else:
                values = node.objects()
                if not isinstance(values, np.ndarray) or (kind or "object") not in ("object", "str", "string"):
                    raise NotNumbers(f"{name} is made of {str(kind)[:40]}")
                if values.ndim == 1:  # a single column of a pandas extension type
                    return values[:, None]
        else:
            values = _emptied(node)
            if isinstance(kind, str) and kind.startswith(("datetime64", "timedelta64", "period")):
                raise NotNumbers(f"{name} holds dates")
            if values.dtype.names:
                raise NotNumbers(f"{name} holds records, or complex numbers")
        if values.ndim != 2:
            raise ValueError(f"{name} has {values.ndim} sides")
        # pandas stores blocks transposed, except those with this attribute
        return values if node.attribute("transposed", False) else values.T


def _emptied(node: Node) -> np.ndarray:
    """Return the values; pandas stores an empty array as a single value and keeps its shape as an attribute."""
    shape = node.attribute("shape")
    if shape is None:
        return node.array()
    sides = tuple(int(side) for side in shape)
    kind = node.attribute("value_type")
    if any(side < 0 or side > 2**31 for side in sides) or 0 not in sides:
        raise ValueError(f"{node.name} has no values, but the shape {sides}")
    dtype = np.dtype(object if kind == "object" else str(kind))
    return np.empty(sides, dtype)


def _read_records(group: Node) -> StoredTable:
    if group.attribute("table_type") != "appendable_frame":
        raise Unknown(f"its rows are stored as {str(group.attribute('table_type'))[:40]!r}")
    node, texts = group.child("table"), _Texts(group)
    records = node.array()
    if records.dtype.names is None:
        raise ValueError("expected rows of records")
    ((axis, index_name),) = group.attribute("index_cols")
    if axis != 0:
        raise Unknown("its rows are stored as columns")
    info = group.attribute("info") or {}
    ((_, labels),) = group.attribute("non_index_axes")
    about, missing = info.get(1, {}), group.attribute("nan_rep") or "nan"
    index = _record_index(node, records, str(index_name), info, texts)
    blocks = []
    for name in group.attribute("values_cols"):
        kind, meta = (node.attribute(f"{name}_{what}") for what in ("dtype", "meta"))
        if meta not in (None, "str", "string") or not str(kind).startswith(_STORED):
            raise NotNumbers(f"{name} is made of {str(meta or kind)[:40]}")
        values = np.ascontiguousarray(records[name])
        values = values if values.ndim > 1 else values[:, None]
        if values.dtype.kind == "S":
            own = node.attribute(f"{name}_nan_rep")
            values = texts.decoded(values, own if group.attribute("data_col_nan_rep") else missing)
        blocks.append(Block(_listed(node.attribute(f"{name}_kind"), about), values))
    return StoredTable(_listed(labels, about), index, tuple(blocks))


def _record_index(node: Node, records: np.ndarray, name: str, info: dict[Any, Any], texts: _Texts) -> Axis:
    kind = str(node.attribute(f"{name}_kind"))
    about = info.get("index", info.get(name, {}))
    values = records[name].copy()
    if kind == "string":
        values = texts.decoded(values, node.attribute(f"{name}_nan_rep", "nan"))
    elif kind.startswith("datetime64"):
        values = values.view("M8[ns]" if kind == "datetime64" else kind)
    elif kind not in _NUMBERS:
        raise Unknown(f"its rows are named by {kind[:40]}")
    if node.attribute(f"{name}_meta") is not None:
        raise Unknown("its rows are named by categories")
    return Axis((Level(values, about.get("index_name"), kind),))


def _listed(labels: Any, about: dict[Any, Any]) -> Axis:
    """Return an axis from a list of names, or of tuples if there are several levels."""
    names = about.get("names")
    if about.get("type") != "MultiIndex":
        made = np.empty(len(labels), object)
        made[:] = list(labels)
        return Axis((Level(made, names[0] if names else None, "mixed"),))
    return _factored(labels, names)


def _factored(labels: Sequence[tuple[Any, ...]], names: list[Any] | None) -> Axis:
    import pandas as pd

    made = pd.MultiIndex.from_tuples([tuple(one) for one in labels], names=names)
    levels = tuple(Level(level, name, "made") for level, name in zip(made.levels, made.names, strict=True))
    return Axis(levels, tuple(np.asarray(codes) for codes in made.codes))
