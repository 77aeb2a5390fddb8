"""JSON outputs against their schemas."""

from __future__ import annotations

import functools
import json
from typing import Any

from jsonschema import Draft202012Validator

from dlcx.cli.json_schemas import schema_of_result
from dlcx.cli.output import plain


@functools.cache
def _validator(kind: type) -> Draft202012Validator:
    schema = schema_of_result(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_result(result: Any) -> None:
    """Raise where what is printed of a result does not fit the schema of its type."""
    printed = json.loads(json.dumps({**plain(result), "next_steps": list(getattr(result, "next_steps", ()))}))
    _validator(type(result)).validate(printed)
