"""Dask's own scheduler and workers, as they are started in a shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def program(name: str, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's own, while the body runs."""
    call = [sys.executable, "-m", f"distributed.cli.{name}", *words]
    daemon = subprocess.Popen(call, stderr=subprocess.DEVNULL, env=environment)
    try:
        yield daemon
    finally:
        daemon.terminate()
        daemon.wait(60)


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler without workers."""
    file = folder / "scheduler.json"
    flags = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    with program("dask_scheduler", *flags):
        until = time.monotonic() + 60
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.1)
        yield json.loads(file.read_text(encoding="utf-8"))["address"]
