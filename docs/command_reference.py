"""Writes docs/command-reference.md from the commands' own help: ``python docs/command_reference.py``."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from unittest import mock

from dlcx import COMMANDS
from dlcx.cli.app import run

PAGE = Path(__file__).with_name("command-reference.md")
HEAD = """# Commands

Written by `docs/command_reference.py` from `dlcx COMMAND --help`.
"""


def help_of(*words: str) -> str:
    """What ``dlcx WORDS --help`` prints."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), mock.patch.dict(os.environ, COLUMNS="100"):
        code = run([*words, "--help"])
    if code:
        raise RuntimeError(f"dlcx {' '.join(words)} --help ended with {code}")
    return "\n".join(line.rstrip() for line in shown.getvalue().strip().splitlines())


def page() -> str:
    """The whole page."""
    names = [command.replace("_", "-") for command in COMMANDS]
    commands = [f"## {name}\n\n```text\n{help_of(name)}\n```\n" for name in names]
    return "\n".join([HEAD, f"```text\n{help_of()}\n```\n", *commands])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
