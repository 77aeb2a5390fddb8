"""Output streams: results go to stdout, everything else to stderr. No line depends on color to be understood.

Names and messages may come from untrusted files, so everything printed passes through :mod:`dlcx.cli.terminal_text`.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import sys
import traceback
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from dlcx.cli.next_steps import with_project
from dlcx.cli.terminal_text import json_line, one_line, printable
from dlcx.distributed_environment import is_supervised


def print_error(message: str, hint: str = "") -> None:
    """Print ``error: ...`` and, on its own line, ``hint: ...``."""
    print(f"error: {one_line(message)}", file=sys.stderr)
    print_hint(hint)


def print_traceback() -> None:
    """Print the traceback of the current exception, for ``--debug``."""
    print("\n".join(map(printable, traceback.format_exc().splitlines())), file=sys.stderr)


def print_hint(hint: str) -> None:
    """Print ``hint: ...``, or nothing if the hint is empty."""
    if hint.strip():
        print(f"hint: {one_line(hint)}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print one line of JSON on stdout."""
    print(json_line(value))


def emit(result: Any, *, as_json: bool, quiet: bool = False, project: Path | None = None) -> None:
    """Print a result: its ``lines()``, or one JSON object; unless ``quiet``, also the next steps on stderr.

    If the user gave ``project``, the suggested commands repeat it.
    """
    if result is None:
        return
    steps = [with_project(step, project) for step in getattr(result, "next_steps", ())]
    if as_json:
        print_json({**plain(result), "next_steps": steps})
    else:
        # one write: a reader such as head may close the pipe after the first line
        sys.stdout.write("".join(f"{printable(line)}\n" for line in result.lines()))
    for step in () if quiet or is_supervised() else steps:
        print_hint(step)


def plain(value: Any) -> Any:
    """Convert a result to plain JSON types: paths become text, nan and infinity become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class _LineFormat(logging.Formatter):
    """Formats warnings and errors as ``warning: text``, and lower levels as plain text."""

    def format(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stderr``, so that a running progress bar can move the line above itself."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def start_logging(*, verbose: bool, debug: bool) -> None:
    """Send dlcx's log to stderr: warnings always, more with ``-v``. Warnings of other libraries need ``-v``."""
    import warnings

    logger = logging.getLogger("dlcx")
    logger.handlers = [handler := _StderrHandler()]
    handler.setFormatter(_LineFormat())
    logger.propagate = False
    logger.setLevel(logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING)
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    if not (verbose or debug):
        warnings.simplefilter("ignore")


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """Log a warning of another library, which may quote text from a file."""
    print(printable(f"{filename}:{lineno}: {category.__name__}: {message}"), file=sys.stderr)
