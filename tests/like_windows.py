"""Run dlcx without what Windows lacks, most of which macOS lacks too: ``python like_windows.py ARGUMENTS...``.

All of it is taken away, every module of dlcx is imported, and then the command line runs.  This cannot show that dlcx
works on Windows, but that nothing uses what is missing without looking.
"""

from __future__ import annotations

import builtins
import ctypes
import errno
import importlib
import io
import os
import pkgutil
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

MISSING = {
    os: """
        chown fchown fork forkpty getegid geteuid getgid getloadavg getpgid getuid killpg mkfifo mknod nice openpty
        pidfd_open posix_fadvise posix_fallocate sched_getaffinity sched_setaffinity setsid statvfs sync sysconf
        wait3 wait4
    """,
    signal: """
        SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2
        alarm pthread_kill pthread_sigmask setitimer siginterrupt sigwait
    """,
}
MODULES = "crypt fcntl grp pty pwd readline resource syslog termios tty"


def become() -> None:
    """Take away what Windows does not have."""
    for module, names in MISSING.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    sys.modules.update(dict.fromkeys(MODULES.split()))  # None: importing it fails
    builtins.open = io.open = _without_proc(builtins.open)
    os.readlink = _without_proc(os.readlink)
    ctypes.CDLL = _Library
    os.symlink = _refused  # links need a right that users do not have
    os.link = _refused  # as on a USB stick with FAT


def _without_proc(usual: Callable[..., Any]) -> Callable[..., Any]:
    """``usual`` on a system without /proc and /sys."""

    def looked(path: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(("/proc", "/sys/")):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return usual(path, *arguments, **options)

    return looked


class _Library(ctypes.CDLL):
    """A library of C, which needs a name."""

    def __init__(self, name: str | None, *arguments: Any, **options: Any) -> None:
        if name is None:
            raise TypeError("bad argument type for built-in operation")
        super().__init__(name, *arguments, **options)


def _refused(*_arguments: Any, **_options: Any) -> NoReturn:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


if __name__ == "__main__":
    become()
    import dlcx
    from dlcx.__main__ import main

    for found in pkgutil.walk_packages(dlcx.__path__, "dlcx."):
        importlib.import_module(found.name)
    main()
