"""Pieces of work for crews, small enough to be understood."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def square(number: int, report: Callable[[int], None]) -> tuple[int, str]:
    """Of a number, and what the process was given."""
    report(number)
    logging.getLogger("dlcx.tests").warning("squares %d", number)
    return number * number, os.environ.get("DLCX_TEST_PLACE", "")


def die_once(path: str, report: Callable[[int], None]) -> str:
    """Kill the own process, but not where that was done before."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def die(_item: object, report: Callable[[int], None]) -> None:
    """Always."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail(text: str, report: Callable[[int], None]) -> None:
    """Raise what nobody can put right."""
    raise ValueError(text)


def wait_until_unwanted(path: str, report: Callable[[int], None]) -> None:
    """Report until nobody listens, and say so in a file."""
    Path(path).with_suffix(".begun").touch()
    try:
        for count in range(3000):
            report(count)
            time.sleep(0.02)
    finally:
        Path(path).touch()
