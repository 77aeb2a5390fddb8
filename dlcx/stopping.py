"""Signals that ask a long run to stop: it finishes the current batch, saves its work and ends with exit code 75."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """True once a signal has asked the process to stop; ``signal`` is its name, for example ``SIGTERM``."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Record a signal; the signal handler."""
        self.signal = signal.Signals(number).name


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Record SIGTERM and SIGUSR1 as a stop request while the body runs.

    Outside of the main thread, where Python cannot set signal handlers, the request stays False.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    kinds = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]
    previous = {kind: signal.signal(kind, request.note) for kind in kinds}
    try:
        yield request
    finally:
        for kind, handler in previous.items():
            signal.signal(kind, handler)
