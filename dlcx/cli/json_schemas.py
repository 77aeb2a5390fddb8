"""JSON Schemas (draft 2020-12) of the output of ``--json``, derived from the result types of the commands.

``python -m dlcx.cli.json_schemas`` prints one object with the schema of each command by name, and that of errors.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import sys
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from dlcx import COMMANDS
from dlcx.cli.terminal_text import json_line

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "Why a command ended with an exit code that is not 0.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "hint": {"type": "string"},
                "exit_code": {"type": "integer"},
            },
            "required": ["message", "hint", "exit_code"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
STEPS = {"type": "array", "items": {"type": "string"}, "description": "What to do next; commands run as they stand."}
_PLAIN = {str: "string", bool: "boolean", int: "integer", Path: "string"}


def schema_of_command(name: str) -> dict[str, Any]:
    """Return the schema of what ``dlcx NAME --json`` prints on exit codes 0 and 4; ``name`` is the Python name."""
    function = inspect.unwrap(getattr(importlib.import_module(f"dlcx.workflow.{name}"), name))
    returned = _hints(function, function.__module__)["return"]
    kinds = get_args(returned) if get_origin(returned) in (Union, types.UnionType) else (returned,)
    schemas = [schema_of_result(kind) for kind in kinds]
    return {"$schema": DRAFT, **(schemas[0] if len(schemas) == 1 else {"anyOf": schemas})}


def schema_of_result(kind: type) -> dict[str, Any]:
    """Return the schema of a result: its fields and ``next_steps``."""
    schema = _of_dataclass(kind)
    schema["properties"]["next_steps"] = STEPS
    if "next_steps" not in schema["required"]:
        schema["required"].append("next_steps")
    return schema


def _of_dataclass(kind: Any, bound: Mapping[Any, Any] | None = None) -> dict[str, Any]:
    bound = {**(bound or {}), **_bound(kind)}
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if dataclasses.is_dataclass(base):
            hints |= {
                name: hint for name, hint in _hints(base, base.__module__).items() if name in base.__annotations__
            }
    names = [item.name for item in dataclasses.fields(kind)]
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].replace("``", "`").split()),
        "properties": {name: _of(hints[name], bound) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _of(hint: Any, bound: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the schema of a type."""
    hint = bound.get(hint, hint) if isinstance(hint, TypeVar) else hint
    origin, inner = get_origin(hint), get_args(hint)
    if hint is None or hint is type(None):
        return {"type": "null"}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is float:
        return {"type": ["number", "null"], "description": "null where it is not known"}
    if origin in (Union, types.UnionType):
        return _any_of([_of(one, bound) for one in inner])
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple and not (len(inner) == 2 and inner[1] is ...):
        return {"type": "array", "prefixItems": [_of(one, bound) for one in inner], "items": False}
    if origin in (tuple, list, set, frozenset, Sequence) or (origin and issubclass(origin, Sequence)):
        return {"type": "array", "items": _of(inner[0], bound)}
    if origin and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(inner[1], bound)}
    if dataclasses.is_dataclass(hint):
        return _of_dataclass(hint, bound)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if hint is Any or hint is object or hint is dict:
        return {}
    raise TypeError(f"no JSON schema for {hint}")


def _any_of(schemas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a schema that accepts any of several; plain types are merged into one list."""
    if all(set(schema) <= {"type", "description"} for schema in schemas):
        names: list[str] = []
        for schema in schemas:
            names += [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        return {"type": list(dict.fromkeys(names))}
    return {"anyOf": list(schemas)}


def _bound(kind: Any) -> dict[Any, Any]:
    """Return the types that replace the type variables of a class's generic bases."""
    bound: dict[Any, Any] = {}
    for base in getattr(kind, "__orig_bases__", ()):
        origin: Any = get_origin(base)
        if hasattr(origin, "__dataclass_fields__"):
            bound |= dict(zip(origin.__parameters__, get_args(base), strict=True))
    return bound


def _hints(owner: Any, module: str) -> dict[str, Any]:
    """Return the types of a function or class, including those that its module imports only for type checkers."""
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("dlcx"):
                    source = importlib.import_module(statement.module or "")
                    names |= {one.asname or one.name: getattr(source, one.name) for one in statement.names}
    return get_type_hints(owner, localns=names)


def schemas() -> dict[str, Any]:
    """Return the schemas of all commands, by their names on the command line, and that of errors."""
    return {"error": ERROR, **{name.replace("_", "-"): schema_of_command(name) for name in COMMANDS}}


if __name__ == "__main__":
    print(json_line(schemas()))
