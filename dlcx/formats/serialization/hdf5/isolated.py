"""The HDF5 library in a process of its own, for files of the newer forms: on damaged ones it crashes, or never ends.

The process is started when the first such file is read, and started again after a crash.  It never is a fork of this
one: threads of other libraries would leave their locks closed in it, and macOS and Windows have no safe fork.
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

#: Longer than reading any file takes that is not damaged.
MAX_SECONDS = 300.0

_START = "import sys; sys.path[:] = {path!r}; from dlcx.formats.serialization.hdf5.worker import main; main()"


class _Worker:
    """One process that answers one request after the other."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what the C library says when it dies
        )

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[bytes | None, bool]:
        """The answer, None when the process has died; and whether it was ended because it took too long."""
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
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self.process.kill()
        self.process.wait()


_lock = threading.Lock()
_current: _Worker | None = None


def read_isolated(path: Path) -> Node:
    """The root of a file, with all values, as the HDF5 library reads them.

    Raises
    ------
    DlcxError
        When the library crashes, takes too long, or refuses the file.
    """
    answer = _ask(path, "read")
    return _node("/", answer["root"])


def check_isolated(path: Path) -> None:
    """Let the HDF5 library read all of a file before another one does so in this process.

    Raises
    ------
    DlcxError
        When the library crashes, takes too long, or refuses the file.
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
        except BaseException:  # an interrupt: the answer to this request must not be taken for that to the next
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
    """End the process; the next file starts another one."""
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
    """An array of records from its columns."""
    import numpy as np

    if not isinstance(values, dict):
        return values
    columns = list(values.items())
    made = np.empty(len(columns[0][1]), [(name, one.dtype, one.shape[1:]) for name, one in columns])
    for name, one in columns:
        made[name] = one
    return made
