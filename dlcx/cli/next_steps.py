"""Suggested commands that run as printed: they repeat the ``--project`` of the command that suggests them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from dlcx import COMMANDS

#: Commands that need no project.
_WITHOUT = {"list-models", "doctor", "demo", "create-project"}
_NAMES = sorted({name.replace("_", "-") for name in COMMANDS} - _WITHOUT, key=len, reverse=True)
#: A command in a line: between backticks, or up to the end of the line.
_COMMAND = re.compile(rf"dlcx (?P<name>{'|'.join(_NAMES)})(?![\w-])(?P<rest>[^`\n]*)")


def with_project(text: str, project: Path | str | None) -> str:
    """Return a hint with ``--project`` added to each command in it that lacks one."""
    if not project:
        return text

    def add(found: re.Match[str]) -> str:
        if re.search(r"(^|\s)(--project|-p)(\s|=|$)", found["rest"]):
            return found[0]
        return f"dlcx {found['name']} --project {shlex.quote(str(project))}{found['rest']}"

    return _COMMAND.sub(add, text)


def given_project(arguments: list[str]) -> str | None:
    """Return the value of ``--project`` among command-line arguments; None if it is not given."""
    for number, flag in enumerate(arguments):
        if flag in ("-p", "--project"):
            return next(iter(arguments[number + 1 :]), None)
        if flag.startswith("--project="):
            return flag.partition("=")[2]
    return None
