"""Streams: results to stdout, everything else to stderr; no colour is needed to understand a line.

Names and messages may come from a stranger's file: whatever is printed goes through :mod:`dlcx.cli.terminal_text`.
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
    """``error: ...`` and, on its own line, ``hint: ...``."""
    print(f"error: {one_line(message)}", file=sys.stderr)
    print_hint(hint)


def print_traceback() -> None:
    """The traceback of the exception at hand, for ``--debug``."""
    print("\n".join(map(printable, traceback.format_exc().splitlines())), file=sys.stderr)


def print_hint(hint: str) -> None:
    """``hint: ...``, nothing for an empty one."""
    if hint.strip():
        print(f"hint: {one_line(hint)}", file=sys.stderr)


def print_json(value: Any) -> None:
    """One line of JSON on stdout."""
    print(json_line(value))


def emit(result: Any, *, as_json: bool, quiet: bool = False, project: Path | None = None) -> None:
    """Print a result: its ``lines()``, or all of it as one JSON object; unless ``quiet``, the next steps to stderr.

    The commands of next steps name the ``project`` that the call named.
    """
    if result is None:
        return
    steps = [with_project(step, project) for step in getattr(result, "next_steps", ())]
    if as_json:
        print_json({**plain(result), "next_steps": steps})
    else:
        # in one go: a reader such as head may leave after the first line
        sys.stdout.write("".join(f"{printable(line)}\n" for line in result.lines()))
    for step in () if quiet or is_supervised() else steps:
        print_hint(step)


def plain(value: Any) -> Any:
    """Plain JSON types of a result: paths as text, nan and infinity as null."""
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
    """``warning: text`` for warnings and worse, the bare text below."""

    def format(self, record: logging.LogRecord) -> str:
        text = one_line(record.getMessage())
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is at the time, so that a running progress bar can lift the line above it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def start_logging(*, verbose: bool, debug: bool) -> None:
    """Send dlcx's log to stderr: warnings always, more with ``-v``; warnings of other libraries only with ``-v``."""
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
    """A warning of another library, which may name what stands in a file."""
    print(printable(f"{filename}:{lineno}: {category.__name__}: {message}"), file=sys.stderr)
