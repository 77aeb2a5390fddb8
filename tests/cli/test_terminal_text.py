"""What a stranger's file names is shown, and never obeyed by the terminal."""

from __future__ import annotations

import ast
import json
import logging
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

import dlcx
from dlcx.cli import app, output
from dlcx.cli.output import emit, print_error, start_logging
from dlcx.cli.progress_display import Style, progress_display
from dlcx.cli.terminal_text import json_line, printable
from dlcx.errors import DlcxError

pty = pytest.importorskip("pty")  # Windows has none

pytestmark = pytest.mark.posix

#: Clears the screen, sets the window's title, turns the text around, ends the line, is not UTF-8.
EVIL = "a\x1b[2Jb\x9b1mc\x1b]0;t\x07d\u202ee\u2028f\u0085g\rh\ni\udcffj"
SHOWN = r"a\x1b[2Jb\x9b1mc\x1b]0;t\x07d\u202ee\u2028f\x85g\x0dh\x0ai\xffj"


@dataclass(frozen=True)
class Named:
    """A result of a command that names something."""

    name: str
    next_steps: tuple[str, ...] = (f"Open {EVIL}",)

    def lines(self) -> list[str]:
        return [f"name: {self.name}"]


def is_harmless(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


@pytest.fixture
def _own_logging():
    logger, show = logging.getLogger("dlcx"), warnings.showwarning
    before = logger.handlers, logger.propagate, logger.level
    with warnings.catch_warnings():
        yield
    logger.handlers, logger.propagate, level = before
    logger.setLevel(level)
    warnings.showwarning = show


def test_what_a_terminal_obeys_is_escaped():
    assert printable(EVIL) == SHOWN
    assert printable("Mäuse 日本 🐁 a\\x1b") == "Mäuse 日本 🐁 a\\x1b"


def test_results(capsys):
    emit(Named(EVIL), as_json=False)
    out, err = capsys.readouterr()
    assert out == f"name: {SHOWN}\n"
    assert is_harmless(err)
    assert err.startswith("hint: Open a\\x1b[2Jb")


def test_json_gives_the_very_name_without_bytes_that_a_terminal_obeys(capsys):
    emit(Named(EVIL), as_json=True, quiet=True)
    out = capsys.readouterr().out
    assert is_harmless(out)
    assert json.loads(out)["name"] == EVIL
    assert json_line({"a": "Mäuse"}) == '{"a": "Mäuse"}'


def test_errors_on_one_line(capsys):
    print_error(f"no such file: {EVIL}", f"Try {EVIL}")
    err = capsys.readouterr().err
    assert is_harmless(err)
    assert err.count("\n") == 2
    assert "\\x1b[2J" in err


@pytest.mark.parametrize("error", [DlcxError(f"{EVIL}: bad", hint=EVIL), ValueError(EVIL), OSError(5, "bad", EVIL)])
@pytest.mark.parametrize("flags", [[], ["--json"], ["--debug"]])
def test_errors_of_commands(error, flags, monkeypatch, capsys):
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("dlcx.workflow.status.status", fails)
    assert app.run(["status", *flags]) in (1, 3)
    out, err = capsys.readouterr()
    assert is_harmless(out)
    assert is_harmless(err)
    assert "\\x1b[2J" in err
    if "--json" in flags:
        assert EVIL in json.loads(out)["error"]["message"]


def test_words_of_the_call_and_names_that_are_not_utf8(capsys):
    assert app.run(["status", "--project", "\x1b[2J"]) == 3
    assert app.run([f"sta{EVIL}"]) == 2
    assert app.run(["status", f"--{EVIL}"]) == 2
    assert is_harmless(capsys.readouterr().err)


@pytest.mark.usefixtures("_own_logging")
def test_log_and_warnings(capsys):
    start_logging(verbose=True, debug=False)
    logging.getLogger("dlcx.x").warning("video %s", EVIL)
    logging.getLogger("dlcx.x").info("%s", EVIL)
    output._show_warning(EVIL, UserWarning, EVIL, 1)
    err = capsys.readouterr().err
    assert is_harmless(err)
    assert err.count("\\x1b[2J") == 4


@pytest.mark.parametrize("style", [Style.LINES, Style.JSON])
def test_progress(style, capsys):
    with progress_display(style).task(f"analyze {EVIL}", total=1, unit="frame") as task:
        task.advance(1, note=EVIL)
    err = capsys.readouterr().err
    assert is_harmless(err)
    assert "[2Jb" in err


def test_a_bar_shows_the_name_as_it_is():
    """Also what looks like markup of rich."""
    code = (
        "from dlcx.cli.progress_display import *\n"
        "with progress_display(Style.BAR).task('x[red]\\x1b[2J', total=1, unit='frame') as task:\n"
        "    task.advance(1, note='[b]y\\x1b]0;')\n"
    )
    control, terminal = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160"}
    subprocess.run(
        [sys.executable, "-c", code], stderr=terminal, check=True, env=environment, cwd=Path(__file__).parent
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            if not (piece := os.read(control, 65536)):
                break
        except OSError:
            break
        shown += piece
    os.close(control)
    assert b"x[red]\\x1b[2J" in shown
    assert b"[b]y\\x1b]0;" in shown
    assert b"\x1b[2J" not in shown
    assert b"\x1b]0;" not in shown


def test_everything_that_is_printed_is_escaped():
    """Whatever is printed anywhere in the package goes through :mod:`dlcx.cli.terminal_text`."""
    escapes = {"printable", "one_line", "json_line"}
    printing = {"print", "sys.stdout.write", "sys.stderr.write"}
    bare = []
    for path in sorted(Path(dlcx.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in printing:
                used = {name.id for part in node.args for name in ast.walk(part) if isinstance(name, ast.Name)}
                if not used & escapes:
                    bare.append(f"{path.name}:{node.lineno}")
    assert bare == []
