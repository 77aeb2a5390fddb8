"""Base classes of the schemas, common types of fields, and error messages of one line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.fields import FieldInfo

from dlcx.errors import DlcxError, did_you_mean

#: The largest absolute value of a number in the files.
MAX_NUMBER = 10**9
#: Maximum width and height of an image in pixels.
MAX_SIDE = 2**15
#: Maximum batch size.
MAX_BATCH = 10**5
MAX_SEED = 2**32 - 1

#: An integer; fields set narrower limits where they apply.
Whole = Annotated[int, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]
#: A finite number; integers in a file stay integers.
Number = Whole | Annotated[float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)]
Probability = Annotated[Number, Field(ge=0, le=1)]
#: Index of a snapshot in its folder; negative indices count from the last.
SnapshotIndex = Annotated[int, Field(ge=-(10**6), le=10**6)]
Pixels = Annotated[int, Field(gt=0, le=MAX_SIDE)]


def _finite(value: Any, path: str = "") -> Any:
    """Return the value after checking that all numbers in it are finite and fit into 64 bits."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _finite(inner, f"{path}{key}: ")
    elif isinstance(value, list | tuple):
        for inner in value:
            _finite(inner, path)
    elif isinstance(value, int | float) and not abs(value) < 2**63:
        raise ValueError(f"{path}expected a finite number of at most 64 bits, got {value!r}")
    return value


#: A mapping whose keys are checked later, by the object that is built from it.
Free = Annotated[dict[str, Any], AfterValidator(_finite)]


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"names must be distinct, got {', '.join(twice)} more than once")
    return names


def path_component(name: str) -> str:
    """Return the name after checking that it can be part of a file name and does not lead to another folder.

    Raises
    ------
    ValueError
        If it is empty, is a path, or contains control characters.
    """
    if not name.strip() or name.strip() in (".", "..") or not re.fullmatch(r"[^/\\\0-\x1f]+", name):
        raise ValueError(f"is used in file names, so it must be neither empty nor a path, got {name!r}")
    return name


def _stays_inside(names: list[str]) -> list[str]:
    """Return the names after checking that none leads to a parent folder when used in a path; slashes are allowed."""
    for name in names:
        parts = re.split(r"[/\\]", name)
        if ".." in parts or not parts[0].strip() or re.search(r"[\0-\x1f]|^[A-Za-z]:[/\\]", name):
            raise ValueError(f"a name must be neither empty nor a path to another folder, got {name!r}")
    return names


Names = Annotated[list[str], AfterValidator(_distinct), AfterValidator(_stays_inside)]

#: A text that is used in file names.
FileName = Annotated[str, AfterValidator(path_component)]


def _prefix(name: str) -> str:
    """Return the prefix after checking that it does not look like that of best snapshots; empty means the default."""
    if name and path_component(name).endswith("-best"):
        raise ValueError(f"must not end in '-best', which marks the best snapshot, got {name!r}")
    return name


#: Prefix of the names of snapshots.
SnapshotPrefix = Annotated[str, AfterValidator(_prefix)]


def _known_version(version: int) -> int:
    """Return the version after checking that it is the only one that exists so far."""
    if version != 0:
        raise ValueError(f"dlcx reads version 0 of this format, got {version}; the file is of a newer DeepLabCut")
    return version


#: The version of a file's format.
FormatVersion = Annotated[int, AfterValidator(_known_version)]


class Settings(BaseModel):
    """A mapping with a fixed set of keys, all of which are always written."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, protected_namespaces=())

    def plain(self) -> dict[str, Any]:
        """Return the mapping as plain dicts, lists and scalars, in the order of the file."""
        return self.model_dump(mode="json")


class AsWritten(Settings):
    """A mapping with a fixed set of keys, of which those that were read are written, in the same order."""

    _written: tuple[str, ...] = PrivateAttr(())

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, data: Any, handler: Callable[[Any], Self]) -> Self:
        checked = handler(data)
        if isinstance(data, Mapping):
            checked._written = tuple(data)
        return checked

    @model_serializer(mode="wrap")
    def _as_written(self, handler: Callable[[Self], dict[str, Any]]) -> dict[str, Any]:
        complete = handler(self)
        return {name: complete[name] for name in self._written or self.model_fields_set}


Checked = TypeVar("Checked", bound=Settings)


def check(kind: type[Checked], data: Mapping[str, Any], source: object) -> Checked:
    """Validate a mapping.

    Parameters
    ----------
    kind
        The schema.
    data
        The mapping.
    source
        The file or flag that it comes from, for messages.

    Returns
    -------
    Settings
        An instance of ``kind``.

    Raises
    ------
    DlcxError
        If a key is unknown, is missing, or has a wrong value.  The message names the source, the path of the key and
        the problem; for an unknown key, the hint is the most similar valid one.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _one_line(error, kind, data, source) from None


def _one_line(error: ValidationError, kind: type[BaseModel], data: Any, source: object) -> DlcxError:
    errors = error.errors(include_url=False)
    # An unknown key explains most other errors (a misspelled key is also a missing one), so it is reported first.
    # Of the errors about a number, "not a float" says more than "not an integer".
    order = {"extra_forbidden": 0, "float_parsing": 1, "float_type": 1}
    first = min(errors, key=lambda one: order.get(one["type"], 2))
    path = _keys(first["loc"], data, missing=first["type"] == "missing")
    key, hint = ".".join(map(str, path)), ""
    if first["type"] == "extra_forbidden":
        problem = "unknown key"
        hint = did_you_mean(str(path[-1]), fields_at(kind, path[:-1]))
    elif first["type"] == "missing":
        problem = "required, but missing"
    elif first["type"] == "value_error":
        problem = first["msg"].removeprefix("Value error, ")
    else:
        message = first["msg"].removeprefix("Input ").split(" or instance of")[0].replace("dictionary", "mapping")
        got = "null" if first["input"] is None else repr(first["input"])
        problem = f"{message}, got {got}"
    wrong = {tuple(_keys(one["loc"], data, missing=one["type"] == "missing")) for one in errors}
    also = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return DlcxError(f"{source}: {key + ': ' if key else ''}{problem}{also}", hint=hint)


def _keys(loc: tuple[int | str, ...], data: Any, *, missing: bool) -> list[int | str]:
    """Return the path of keys along ``loc``, without the union members that pydantic inserts."""
    found: list[int | str] = []
    for position, step in enumerate(loc):
        inside = isinstance(data, Mapping) and step in data
        if inside or (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            found.append(step)
            data = data[step]
        elif missing and position == len(loc) - 1:
            found.append(step)
    return found


def fields_at(kind: type[BaseModel], path: list[int | str]) -> list[str]:
    """Return the keys allowed at ``path`` in the schema ``kind``; empty if any key is allowed."""
    current: type[BaseModel] | None = kind
    for step in path:
        field: FieldInfo | None = current.model_fields.get(str(step)) if current else None
        nested = _models(field.annotation) if field else ([current] if current else [])
        current = nested[0] if nested else None
    return list(current.model_fields) if current else []


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
