"""YAML 1.2 as DeepLabCut writes it.

PyYAML follows YAML 1.1, in which ``1e-05`` is text, ``on`` is true and ``2020-04-21`` is a date.  DeepLabCut writes
YAML 1.2: ``1e-05`` is a number, names remain text, unset keys are empty, and long paths are not wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import yaml

from dlcx.errors import DlcxError
from dlcx.outputs import write_text
from dlcx.untrusted_files import read_text

#: Maximum number of values in a file after expanding its aliases.
MAX_VALUES = 2_000_000


class _Loader(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """Reads numbers, true, false and null of YAML 1.2; any other plain scalar is text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


def _resolver(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first))


_resolver("null", r"~|null|Null|NULL|", "~nN\0")
_Loader.yaml_implicit_resolvers[""] = [("tag:yaml.org,2002:null", re.compile(r"\Z"))]
_resolver("bool", r"true|True|TRUE|false|False|FALSE", "tTfF")
_resolver("int", r"[-+]?(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F]+", "-+0123456789")
_resolver(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"<<\Z"), ["<"])


def _unique_mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    """Read a mapping and refuse duplicate keys, of which PyYAML would silently keep the last."""
    loader.flatten_mapping(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if isinstance(key, list | dict):
            raise yaml.MarkedYAMLError(problem="a key must be a single value", problem_mark=key_node.start_mark)
        if key in mapping:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is used twice", problem_mark=key_node.start_mark)
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def check_simple_key(self) -> bool:
        # Paths of videos are keys, and PyYAML would write keys of more than 128 characters as "? key".
        simple = super().check_simple_key()
        return simple or (isinstance(self.event, yaml.ScalarEvent) and "\n" not in self.event.value)


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(value), repr(value))
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(float, _represent_float)
_Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+\Z"), list("-+0123456789")
)


def parse_yaml(text: str, source: object) -> Any:
    """Parse YAML 1.2.

    Parameters
    ----------
    text
        The text.
    source
        The file or flag that it comes from, for messages.

    Raises
    ------
    DlcxError
        If the text is not valid; the message names source, line and column.
    """
    try:
        data = yaml.load(text, Loader=_Loader)
        _check_extent(data)
        return data
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise DlcxError(f"{source}{where}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise DlcxError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None


def _check_extent(data: Any) -> None:
    """Refuse aliases that contain themselves, or that expand a few lines to more than MAX_VALUES values."""
    extents: dict[int, int | None] = {}

    def extent(value: Any) -> int:
        if not isinstance(value, (dict, list)):
            return 1
        if id(value) not in extents:
            extents[id(value)] = None
            extents[id(value)] = 1 + sum(map(extent, value.values() if isinstance(value, dict) else value))
        if (known := extents[id(value)]) is None:
            raise ValueError("an alias contains itself")
        return known

    if extent(data) > MAX_VALUES:
        raise ValueError(f"its aliases expand to more than {MAX_VALUES} values")


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises
    ------
    DlcxError
        If the file cannot be read, is not valid YAML, or holds anything but a mapping.
    """
    data = parse_yaml(read_text(path), path)
    if not isinstance(data, dict):
        raise DlcxError(f"{path}: expected 'key: value' lines, got {type(data).__name__}")
    return data


def format_yaml(data: Mapping[str, Any], *, header: str = "") -> str:
    """Return ``data`` as DeepLabCut writes it, after the lines of ``header``."""
    text = yaml.dump(
        dict(data), Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=float("inf"), allow_unicode=True
    )
    # PyYAML leaves a space after the colon or dash of an empty value.
    return header + re.sub(r"(?<=[:-]) $", "", text, flags=re.MULTILINE)


def write_yaml(data: Mapping[str, Any], path: str | Path, *, header: str = "") -> None:
    """Write a mapping as YAML, completely or not at all.

    Raises
    ------
    DlcxError
        If the file cannot be written.
    """
    write_text(Path(path), format_yaml(data, header=header))
