"""Writes docs/json-output.md and docs/json-schemas.json: ``python docs/json_output.py``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlcx.cli.json_schemas import schemas

PAGE = Path(__file__).with_name("json-output.md")
SCHEMAS = Path(__file__).with_name("json-schemas.json")
HEAD = """# JSON output

With `--json` a command prints one line of JSON on stdout: an object with the fields below and exit code 0, or 4 where
some of several items failed. With another exit code it prints an `error` object. Numbers that are not known are
`null`, paths are strings. `next_steps` are commands and sentences for people; those that begin with `dlcx` run as
they stand.

`--progress json` prints lines of JSON on stderr meanwhile: `{"progress": {"task", "done", "total", "unit",
"per_second", "seconds_left", "note"}}` about once a second, and `{"report": {"task", "text", "numbers"}}` for
intermediate results such as the test errors of a training.

[json-schemas.json](json-schemas.json) holds the JSON Schema of each command's output (draft 2020-12). Both files are
written by `docs/json_output.py` from the types of the results, and every JSON output of the tests is checked against
them.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(f"## {name}\n\n{_section(schema)}\n" for name, schema in schemas().items())])


def _section(schema: dict[str, Any]) -> str:
    kinds = schema.get("anyOf", [schema])
    return "\n\nor\n\n".join(f"{kind['description']}\n\n" + "\n".join(_fields(kind, 0)) for kind in kinds)


def _fields(schema: dict[str, Any], level: int) -> Iterator[str]:
    """One line a field, those of objects below it."""
    for name, field in schema["properties"].items():
        yield f"{'  ' * level}- `{name}`: {_type(field)}"
        for inner in _objects(field):
            yield from _fields(inner, level + 1)


def _type(schema: dict[str, Any]) -> str:
    """A type in words: ``array of string``, ``number or null``."""
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return f"array of {len(schema['prefixItems'])}: {', '.join(map(_type, schema['prefixItems']))}"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"array of {_type(schema['items'])}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects with named fields inside a type."""
    if "properties" in schema:
        yield schema
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        yield from _objects(inner)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMAS.write_text(json.dumps(schemas(), indent=1) + "\n", encoding="utf-8")
    print(PAGE, SCHEMAS, sep="\n")
