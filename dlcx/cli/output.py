"""Streams: results to stdout, everything else to stderr; no colour is needed to understand a line."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from dlcx.siblings import is_attended


def print_error(message: str, hint: str = "") -> None:
    """``error: ...`` and, on its own line, ``hint: ...``."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    print_hint(hint)


def print_hint(hint: str) -> None:
    """``hint: ...``, nothing for an empty one."""
    if hint.strip():
        print(f"hint: {' '.join(hint.split())}", file=sys.stderr)


def emit(result: Any, *, as_json: bool, quiet: bool = False) -> None:
    """Print a result: its ``lines()``, or all of it as one JSON object; unless ``quiet``, the next steps to stderr."""
    if result is None:
        return
    if as_json:
        print(json.dumps(plain(result), ensure_ascii=False))
    else:
        # in one go: a reader such as head may leave after the first line
        sys.stdout.write("".join(f"{line}\n" for line in result.lines()))
    for step in () if quiet or is_attended() else getattr(result, "next_steps", ()):
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
        text = " ".join(record.getMessage().split())
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


class _StderrHandler(logging.StreamHandler):
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
    if not (verbose or debug):
        warnings.simplefilter("ignore")
