"""Run dlcx commands in forked child processes of this process, which has already imported everything.

A fork takes milliseconds, a new interpreter takes seconds.  A child may crash, hang or exhaust its memory limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from campaign.case import Case, CommandResult

#: A command counts as hanging after this many seconds of CPU time, or of wall-clock time without any CPU use.
PROCESSOR, IDLE = 20.0, 40.0
#: Additional address space, in bytes, that a command may use compared with this process.
ADDRESSES = 8 << 30


def import_everything() -> None:
    """Import all modules that the children need."""
    import av  # noqa: F401
    import cv2
    import timm  # noqa: F401
    import torch
    import torch._dynamo

    import dlcx
    from dlcx.cli.app import parser

    for module in pkgutil.walk_packages(dlcx.__path__, "dlcx."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("sleap_io", "pandas.io.pytables", "matplotlib.pyplot", "sklearn.cluster"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    parser()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def run(case: Case, words: Sequence[str], folder: Path) -> CommandResult:
    """Run one command in a folder and wait for it."""
    return finish(*start(case, words, folder))


def run_together(case: Case, folder: Path) -> list[CommandResult]:
    """Run all commands of a case in parallel."""
    return [finish(*begun) for begun in [start(case, words, folder) for words in case.calls]]


Begun = tuple[tuple[str, ...], int, IO[bytes], IO[bytes], float, float]


def start(case: Case, words: Sequence[str], folder: Path) -> Begun:
    """Start one command."""
    words = (*words, *(("-q",) if case.quiet and words and not words[0].startswith("-") else ()))
    out, err = TemporaryFile(), TemporaryFile()  # noqa: SIM115 - the caller reads them
    sys.stdout.flush()
    sys.stderr.flush()
    resident = _resident()
    pid = os.fork()
    if not pid:
        _child(case, words, folder / case.folder, out.fileno(), err.fileno())
    return words, pid, out, err, time.monotonic(), resident


def finish(
    words: tuple[str, ...], pid: int, out: IO[bytes], err: IO[bytes], since: float, resident: float
) -> CommandResult:
    """Wait for a command, and kill it if it hangs."""
    worked, last = -1.0, since
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            break
        time.sleep(0.005)
        if (now := _worked(pid)) > worked + 0.1:
            worked, last = now, time.monotonic()
        if time.monotonic() - last > IDLE:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wall = time.monotonic() - since
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read(1 << 24))
        stream.close()
    processor = usage.ru_utime + usage.ru_stime
    growth = max(usage.ru_maxrss / 1024 - resident, 0)
    return CommandResult(tuple(words), os.waitstatus_to_exitcode(status), *texts, processor, wall, growth)


def _worked(pid: int) -> float:
    """Return the CPU seconds of a process and of its finished children."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, facts[11:15])) / os.sysconf("SC_CLK_TCK")


def _resident() -> float:
    """Return the resident memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def _addresses() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _child(case: Case, words: Sequence[str], folder: Path, out: int, err: int) -> None:
    """Run the command; never return."""
    import resource

    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDWR)
        for source, target in ((null, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        resource.setrlimit(resource.RLIMIT_CPU, (int(PROCESSOR) + 2, int(PROCESSOR) + 4))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for name, value in case.environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        if case.unprivileged:
            _obey_permissions()
        if case.own_process:
            _own_process(words, case.environment, case.closed)
        resource.setrlimit(resource.RLIMIT_AS, (_addresses() + ADDRESSES, resource.RLIM_INFINITY))
        from dlcx.cli.app import run as run_here

        code = run_here(list(words))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _obey_permissions() -> None:
    """Drop all Linux capabilities, so that file permissions also apply to root."""
    library = ctypes.CDLL(None, use_errno=True)
    version_3, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if os.geteuid() == 0 and library.capset(version_3, nothing):
        raise OSError(ctypes.get_errno(), "cannot drop capabilities")


def _own_process(words: Sequence[str], environment: Mapping[str, str | None], closed: Sequence[int]) -> None:
    for number in closed:
        os.close(number)
    program = str(Path(sys.executable).with_name("dlcx"))
    os.execv(sys.executable, [sys.executable, program, *words])


def shell(command: Sequence[str], **options: object) -> None:
    """Run a program that creates test files."""
    subprocess.run(list(command), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
