"""The two kinds of mappings in the files, and one line of error for whatever does not fit."""

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

#: No number in the files is farther from 0.
LARGEST = 10**9
#: The longest side of an image, in pixels.
MAX_SIDE = 2**15
#: The most images at a time.
MAX_BATCH = 10**5
MAX_SEED = 2**32 - 1

#: An integer; a field that means something narrower says so.
Whole = Annotated[int, Field(ge=-LARGEST, le=LARGEST)]
#: A number that stays an integer in the file when it was one; never nan or infinite.
Number = Whole | Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Probability = Annotated[Number, Field(ge=0, le=1)]
#: The place of a snapshot among those of a folder; negative ones count from the last.
SnapshotIndex = Annotated[int, Field(ge=-(10**6), le=10**6)]
Pixels = Annotated[int, Field(gt=0, le=MAX_SIDE)]


def _finite(value: Any, path: str = "") -> Any:
    """The value, if all numbers in it are finite and no larger than a computer counts."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _finite(inner, f"{path}{key}: ")
    elif isinstance(value, list | tuple):
        for inner in value:
            _finite(inner, path)
    elif isinstance(value, int | float) and not abs(value) < 2**63:
        raise ValueError(f"{path}expected a finite number of at most 64 bits, got {value!r}")
    return value


#: A mapping whose keys are checked only by what is built from it.
Free = Annotated[dict[str, Any], AfterValidator(_finite)]


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"names must be distinct, got {', '.join(twice)} more than once")
    return names


def path_component(name: str) -> str:
    """The name, if it can be a part of a file's name: it must not lead to another folder.

    Raises
    ------
    ValueError
        When it could.
    """
    if not name.strip() or name.strip() in (".", "..") or not re.fullmatch(r"[^/\\\0-\x1f]+", name):
        raise ValueError(f"names files, so it must be no path and not empty, got {name!r}")
    return name


def _stays_inside(names: list[str]) -> list[str]:
    """Names of bodyparts and animals may hold a slash, as long as they lead to no folder above when they name files."""
    for name in names:
        parts = re.split(r"[/\\]", name)
        if ".." in parts or not parts[0].strip() or re.search(r"[\0-\x1f]|^[A-Za-z]:[/\\]", name):
            raise ValueError(f"a name must be no path to another folder and not empty, got {name!r}")
    return names


Names = Annotated[list[str], AfterValidator(_distinct), AfterValidator(_stays_inside)]

#: A word that names of files are made of.
FileName = Annotated[str, AfterValidator(path_component)]


def _prefix(name: str) -> str:
    """The prefix, if the names of snapshots can be told from others by it; an empty one means the usual one."""
    if name and path_component(name).endswith("-best"):
        raise ValueError(f"names best snapshots already, got {name!r}")
    return name


#: What the names of snapshots begin with.
SnapshotPrefix = Annotated[str, AfterValidator(_prefix)]


def _known_version(version: int) -> int:
    """The only version of the two files' formats that there is so far."""
    if version != 0:
        raise ValueError(f"dlcx knows version 0 of this format, got {version}; a newer DeepLabCut wrote the file")
    return version


#: The version of a file's format.
FormatVersion = Annotated[int, AfterValidator(_known_version)]


class Settings(BaseModel):
    """A mapping that knows all its keys and is always written whole."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, protected_namespaces=())

    def plain(self) -> dict[str, Any]:
        """The mapping as plain dicts, lists and scalars, in the order of the file."""
        return self.model_dump(mode="json")


class AsWritten(Settings):
    """A mapping that knows all its keys and is written with those that were given, in the order they came."""

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
        whole = handler(self)
        return {name: whole[name] for name in self._written or self.model_fields_set}


Checked = TypeVar("Checked", bound=Settings)


def check(kind: type[Checked], data: Mapping[str, Any], source: object) -> Checked:
    """Check ``data`` against ``kind``.

    Raises
    ------
    DlcxError
        One line: ``source`` (a file or a flag), the key's whole path, what is wrong; the hint is the nearest right key.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _one_line(error, kind, data, source) from None


def _one_line(error: ValidationError, kind: type[BaseModel], data: Any, source: object) -> DlcxError:
    errors = error.errors(include_url=False)
    # An unknown key explains most other complaints (a misspelled key is also a missing one), so it goes first.
    # Of the complaints about a number, "not a float" says more than "not an integer".
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
    """The keys of the data along ``loc``, without the names of union members that pydantic mixes in."""
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
    """Names of the keys allowed at ``path`` below ``kind``; empty where any key is."""
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
