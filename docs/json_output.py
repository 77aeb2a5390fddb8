"""Generate docs/json-output.md and docs/json-schemas.json: ``python docs/json_output.py``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlcx.cli.json_schemas import schemas

PAGE = Path(__file__).with_name("json-output.md")
SCHEMAS = Path(__file__).with_name("json-schemas.json")
HEAD = """# JSON output

With `--json`, a command prints one line of JSON to stdout. If the exit code is 0, or 4 because some items failed, the
line is an object with the fields listed below. With any other exit code, it is an `error` object. Unknown
numbers are `null`, and paths are strings. `next_steps` contains commands and sentences for the user. You can run
those that start with `dlcx` unchanged.

With `--progress json`, the command also prints lines of JSON to stderr. About once a second, it prints
`{"progress": {"task", "done", "total", "unit", "per_second", "seconds_left", "note"}}`. For intermediate results, such
as the test errors during training, it prints `{"report": {"task", "text", "numbers"}}`.

[json-schemas.json](json-schemas.json) contains a JSON Schema (draft 2020-12) of each command's output. Both files are
generated from the result types by `docs/json_output.py`. The tests check every JSON output against the schemas.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(f"## {name}\n\n{_section(schema)}\n" for name, schema in schemas().items())])


def _section(schema: dict[str, Any]) -> str:
    kinds = schema.get("anyOf", [schema])
    return "\n\nor\n\n".join(f"{kind['description']}\n\n" + "\n".join(_fields(kind, 0)) for kind in kinds)


def _fields(schema: dict[str, Any], level: int) -> Iterator[str]:
    """Yield one line per field, followed by the fields of its objects."""
    for name, field in schema["properties"].items():
        yield f"{'  ' * level}- `{name}`: {_type(field)}"
        for inner in _objects(field):
            yield from _fields(inner, level + 1)


def _type(schema: dict[str, Any]) -> str:
    """Describe a type in words: ``array of string``, ``number or null``."""
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
    """Return the objects with named fields inside a type."""
    if "properties" in schema:
        yield schema
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        yield from _objects(inner)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMAS.write_text(json.dumps(schemas(), indent=1) + "\n", encoding="utf-8")
    print(PAGE, SCHEMAS, sep="\n")
