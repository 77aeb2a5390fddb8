"""What Linux, macOS and Windows do differently, where the standard library does not hide it.

Each function works everywhere; ``docs/platforms.md`` lists these and the other places that depend on the system.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from io import TextIOWrapper


def usable_cores() -> int:
    """Processor cores that this process may use; all of the machine where the system does not restrict processes.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def peak_memory() -> int | None:
    """The most memory in bytes that this process has held at a time.

    Returns
    -------
    int or None
        None on Windows, which has no ``getrusage``.
    """
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def ask_this_process_to_stop() -> None:
    """Send SIGTERM to this process, from any thread; its handler runs in the main thread."""
    if os.name == "nt":  # os.kill would end the process without running the handler
        signal.raise_signal(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def pass_on(process: subprocess.Popen[bytes], number: int) -> None:
    """Pass a signal on to a child that :func:`dlcx.distributed_environment.stop_with_parent` watches over.

    Nothing happens when it has ended.  On Windows, where a signal would end it at once, the end of its standard input
    asks it to stop; an interrupt (Ctrl-C) has reached it already, because all processes of a console get it.
    """
    if os.name != "nt":
        process.send_signal(number)
    elif number != signal.SIGINT and process.stdin:
        with suppress(OSError):
            process.stdin.close()


def write_utf8_to_pipes() -> None:
    """Write UTF-8 to standard streams that are files or pipes, whose default on Windows is a small code page."""
    if os.name != "nt":
        return
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")
