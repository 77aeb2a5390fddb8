"""The schemas of ``--json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from json_output import check_result
from jsonschema import Draft202012Validator, ValidationError

from dlcx import COMMANDS
from dlcx.cli.app import run
from dlcx.cli.json_schemas import ERROR, schema_of_command, schema_of_result, schemas


@dataclass(frozen=True)
class Inner:
    """One point."""

    xy: tuple[float, float]


@dataclass(frozen=True)
class Result:
    """A result.

    More about it.
    """

    path: Path | None
    points: tuple[Inner, ...]
    kind: Literal["a", "b"]
    counts: dict[str, int]


def test_types_become_schemas():
    number = {"type": ["number", "null"], "description": "null where it is not known"}
    schema = schema_of_result(Result)
    assert schema["description"] == "A result."
    assert schema["required"] == ["path", "points", "kind", "counts", "next_steps"]
    assert schema["properties"]["path"] == {"type": ["string", "null"]}
    assert schema["properties"]["kind"] == {"enum": ["a", "b"]}
    assert schema["properties"]["counts"] == {"type": "object", "additionalProperties": {"type": "integer"}}
    point = schema["properties"]["points"]["items"]["properties"]
    assert point == {"xy": {"type": "array", "prefixItems": [number, number], "items": False}}


def test_outputs_are_checked():
    check_result(Result(Path("x"), (Inner((1.0, float("nan"))),), "a", {"n": 1}))
    for wrong in (
        Result(Path("x"), (), "c", {}),  # type: ignore[arg-type]
        Result(Path("x"), (Inner((1.0,)),), "a", {"n": "1"}),  # type: ignore[arg-type, dict-item]
        Result(3, (), "a", {}),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValidationError):
            check_result(wrong)


def test_every_command_has_a_valid_schema():
    found = schemas()
    assert list(found) == ["error", *(name.replace("_", "-") for name in COMMANDS)]
    for schema in found.values():
        Draft202012Validator.check_schema(schema)


def test_printed_lines_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["demo", str(tmp_path / "mice"), "--json", "-q"]) == 0
    Draft202012Validator(schema_of_command("demo")).validate(json.loads(capsys.readouterr().out))
    assert run(["status", "-p", str(tmp_path / "mice"), "--json"]) == 0
    Draft202012Validator(schema_of_command("status")).validate(json.loads(capsys.readouterr().out))
    assert run(["train", "-p", str(tmp_path / "mice"), "--json"]) == 3
    Draft202012Validator(ERROR).validate(json.loads(capsys.readouterr().out))
