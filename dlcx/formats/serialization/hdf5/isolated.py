"""The HDF5 library in a separate process, for files of newer format versions: on damaged ones it crashes or hangs.

The process starts when the first such file is read, and restarts after a crash. It is never forked from this process:
locks held by threads of other libraries would stay locked in a fork, and macOS and Windows have no safe fork.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlcx.errors import DlcxError
from dlcx.formats.serialization.hdf5.nodes import Node, Raw
from dlcx.formats.serialization.pickles import loads_plain

#: Timeout, longer than reading any undamaged file takes.
MAX_SECONDS = 300.0

_START = "import sys; sys.path[:] = {path!r}; from dlcx.formats.serialization.hdf5.worker import main; main()"


class _Worker:
    """A process that answers one request at a time."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # messages of the C library when it crashes
        )

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[bytes | None, bool]:
        """Return the answer, or None if the process died, and whether it was killed because of a timeout."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            head = self.process.stdout.read(8)
            size = int.from_bytes(head, "little")
            content = self.process.stdout.read(size) if len(head) == 8 else b""
            return (content if len(head) == 8 and len(content) == size else None), late.is_set()
        except OSError:
            return None, late.is_set()
        finally:
            timer.cancel()

    def end(self) -> None:
        """Kill the process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self.process.kill()
        self.process.wait()


_lock = threading.Lock()
_current: _Worker | None = None


def read_isolated(path: Path) -> Node:
    """Read the root of a file with all values through the HDF5 library.

    Raises
    ------
    DlcxError
        If the library crashes, times out, or refuses the file.
    """
    answer = _ask(path, "read")
    return _node("/", answer["root"])


def check_isolated(path: Path) -> None:
    """Have the HDF5 library read a whole file in the separate process before it is opened in this one.

    Raises
    ------
    DlcxError
        If the library crashes, times out, or refuses the file.
    """
    _ask(path, "check")


def _ask(path: Path, what: str) -> dict[str, Any]:
    global _current
    with _lock:
        if _current is None or _current.process.poll() is not None or _current.owner != os.getpid():
            _current = _started(path)
        worker = _current
        try:
            content, late = worker.ask({"path": os.fspath(path.absolute()), "what": what}, MAX_SECONDS)
        except BaseException:  # e.g. Ctrl-C: the next request must not receive this answer
            worker.end()
            _current = None
            raise
        if content is None:
            worker.end()
            _current = None
            if late:
                raise DlcxError(f"{path}: the HDF5 library did not read it within {MAX_SECONDS:g} seconds")
            raise DlcxError(f"{path} is damaged: the HDF5 library crashes on it", hint="Take it from a copy.")
    answer: dict[str, Any] = loads_plain(content)
    if "refused" in answer:
        raise DlcxError(f"{path} is refused: {answer['refused']}", hint=answer["hint"])
    if "error" in answer:
        raise DlcxError(f"{path}: cannot be read as a table of poses ({answer['error']})")
    return answer


def _started(path: Path) -> _Worker:
    try:
        return _Worker()
    except OSError as error:
        raise DlcxError(f"{path}: cannot start a process that reads it ({error.strerror or error})") from None


@atexit.register
def end_worker() -> None:
    """Kill the process; reading another file starts a new one."""
    global _current
    if _current is not None and _current.owner == os.getpid():
        _current.end()
    _current = None


def _node(name: str, found: dict[str, Any]) -> Node:
    attributes = {key: (lambda value=value: value) for key, value in found["attributes"].items()}
    children = found["children"]
    if children is None:
        values: Raw = _joined(found["values"])
        return Node(name, attributes, None, lambda: values)
    below = {key: _node(f"{name.rstrip('/')}/{key}", child) for key, child in children.items()}
    return Node(name, attributes, below)


def _joined(values: Any) -> Any:
    """Return an array of records from its columns."""
    import numpy as np

    if not isinstance(values, dict):
        return values
    columns = list(values.items())
    made = np.empty(len(columns[0][1]), [(name, one.dtype, one.shape[1:]) for name, one in columns])
    for name, one in columns:
        made[name] = one
    return made
