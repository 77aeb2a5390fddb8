"""Processes of this machine that train one network together, started in the way of ``torchrun``.

They find each other through ``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``. Unlike
torchrun, this module passes SIGUSR1 on, waits until all processes have saved, and returns their exit code.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress

from dlcx.distributed_environment import SUPERVISED
from dlcx.errors import AlreadyReported, DlcxError, LostProcess, Stopped
from dlcx.operating_system import pass_on
from dlcx.stopping import StopRequest, stop_on_signals

#: Seconds for the other processes to end after one has failed.
GRACE = 20.0
_AGAIN = "Run the same command again to resume from the last saved state"


def launch(command: Sequence[str], count: int) -> str:
    """Run ``command`` in ``count`` processes until all have ended.

    SIGTERM and SIGUSR1 are passed on, and the processes stop if this one dies.

    Returns
    -------
    str
        What the first process printed on stdout.

    Raises
    ------
    Stopped
        If a signal stopped them before they could report it.
    AlreadyReported
        If they failed and one of them reported why; has their exit code.
    DlcxError
        If a process was killed.
    """
    shared = _environment(count)
    with ExitStack() as stack:
        output = stack.enter_context(tempfile.TemporaryFile())
        stop = stack.enter_context(stop_on_signals())
        running: list[subprocess.Popen[bytes]] = []
        stack.callback(_kill, running)
        for rank in range(count):
            process = subprocess.Popen(
                command,
                env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if rank else output,
                start_new_session=True,  # this process passes Ctrl-C on
            )
            running.append(process)
        ended, killed = _wait(running, stop)
        _raise_for(ended, killed, stop, count)
        output.seek(0)
        return output.read().decode()


def _wait(running: Sequence[subprocess.Popen[bytes]], stop: StopRequest) -> tuple[dict[int, int], set[int]]:
    """Exit codes by rank in the order of arrival, and the ranks that had to be killed."""
    ended: dict[int, int] = {}
    killed: set[int] = set()
    forwarded, until = False, None
    while len(ended) < len(running):
        try:
            time.sleep(0.05)
        except KeyboardInterrupt:
            _tell(running, signal.SIGINT)
            until = time.monotonic() + GRACE
        if stop.signal and not forwarded:
            _tell(running, signal.Signals[stop.signal])
            forwarded = True
        for rank, process in enumerate(running):
            if rank not in ended and (code := process.poll()) is not None:
                ended[rank] = code
        if until is None and any(code not in (0, Stopped.exit_code) for code in ended.values()):
            until = time.monotonic() + GRACE
        if until is not None and time.monotonic() > until:
            killed |= {rank for rank in range(len(running)) if rank not in ended}
            _kill(running)
    return ended, killed


def _raise_for(ended: Mapping[int, int], killed: set[int], stop: StopRequest, count: int) -> None:
    """Raise the error that corresponds to the exit codes."""
    exited = {rank: code for rank, code in ended.items() if rank not in killed}
    for rank, code in exited.items():
        if code < 0:
            name = signal.Signals(-code).name
            if name == stop.signal:
                raise Stopped(f"stopped by {name} before the first step", hint="Run the same command again.")
            memory = "; if memory ran out, use fewer --workers or --devices" if name == "SIGKILL" else ""
            raise DlcxError(f"process {rank + 1} of {count} was killed by {name}", hint=f"{_AGAIN}{memory}.")
    failed = [code for code in exited.values() if code not in (0, LostProcess.code)]
    if failed:
        raise AlreadyReported(failed[0])
    if killed or any(ended.values()):
        raise DlcxError(f"the {count} processes lost contact with each other", hint=f"{_AGAIN}.")


def _tell(running: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    """Send a signal to all processes."""
    for process in running:
        pass_on(process, number)


def _kill(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Kill running processes and close their pipes."""
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdin:
            with suppress(OSError):
                process.stdin.close()


def _environment(count: int) -> dict[str, str]:
    """Environment variables shared by all processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        SUPERVISED: "1",
    }
    if "OMP_NUM_THREADS" not in os.environ:
        shared["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // count))
    if sys.platform == "win32":
        shared["USE_LIBUV"] = os.environ.get("USE_LIBUV", "0")  # PyTorch for Windows has no libuv
    if sys.platform == "linux":
        shared["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME", "lo")
    return shared
