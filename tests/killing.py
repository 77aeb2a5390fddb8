"""A process that is killed at a chosen step, without a process: from that step on nothing reaches the disk any more.

Python reports every operation on files to audit hooks before it does it.  The hook counts those that change something
below a folder, and raises at the chosen one and at all that follow, so that no cleanup has an effect either.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dlcx import outputs

_CHANGING = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.utime", "os.truncate"}
_CHANGING |= {"shutil.rmtree"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Killed(BaseException):
    """The process was killed."""


class _Hook:
    """The one hook of this process; hooks cannot be removed."""

    folder = ""
    left = 0
    installed = False
    thread = 0

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if not self.folder or threading.get_ident() != self.thread:
            return
        if not (event in _CHANGING or (event == "open" and _opens_to_write(args[1], args[2]))):
            return
        if not any(path.startswith(self.folder) for path in _paths(args)):
            return
        if self.left <= 0:
            raise Killed(event, *args)
        self.left -= 1


def _opens_to_write(mode: object, flags: object) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wxa+")
    return isinstance(flags, int) and bool(flags & _WRITES)


def _paths(args: tuple[object, ...]) -> Iterator[str]:
    """The paths among the arguments; those relative to an open folder, as ``rmtree`` has them, made absolute."""
    folder = args[-1]
    for arg in args:
        if isinstance(arg, str | bytes | os.PathLike):
            path = os.fsdecode(arg)
            if not os.path.isabs(path) and isinstance(folder, int) and folder >= 0:
                with suppress(OSError):
                    path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
            yield path


_hook = _Hook()


@contextmanager
def killed_at(event: int, folder: Path) -> Iterator[None]:
    """Kill the body at the change number ``event`` (from 0) of a file below ``folder``: it raises :class:`Killed`.

    Afterwards its locks and temporary files are those of a process that is gone.
    """
    if not _Hook.installed:
        sys.addaudithook(_hook)
        _Hook.installed = True
    _hook.left, _hook.thread, _hook.folder = event, threading.get_ident(), str(folder)
    try:
        yield
    finally:
        _hook.folder = ""
        dead = 2**22 + 1  # larger than any process number of Linux
        for path in folder.rglob("*.lock*"):
            path.unlink()
        for path in folder.rglob(f".*-{os.getpid()}.part*"):
            path.rename(path.with_name(path.name.replace(f"-{os.getpid()}.part", f"-{dead}.part")))
        outputs._swept.clear()
