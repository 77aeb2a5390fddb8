"""Two changes of one file at once, in the order that loses one of them where nothing guards the file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dlcx import locks


def interleave(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, first: Callable[[], object], second: Callable[[], object]
) -> None:
    """Run ``first``; when it has called ``owner.name``, which reads, run ``second`` until it ends or waits for a lock.

    Both must end without an exception.
    """
    reader, sleep = getattr(owner, name), time.sleep
    waiting, errors = threading.Event(), []

    def run_second() -> None:
        try:
            second()
        except BaseException as error:
            errors.append(error)
        finally:
            waiting.set()

    def note_wait(seconds: float) -> None:
        if threading.current_thread() is other:
            waiting.set()
        sleep(seconds)

    def read(*args: Any, **options: Any) -> Any:
        found = reader(*args, **options)
        if threading.current_thread() is main and not other.is_alive() and not waiting.is_set():
            other.start()
            waiting.wait()
        return found

    main, other = threading.current_thread(), threading.Thread(target=run_second)
    monkeypatch.setattr(owner, name, read)
    monkeypatch.setattr(locks.time, "sleep", note_wait)
    first()
    assert waiting.is_set(), f"{name} was not called"
    other.join()
    if errors:
        raise errors[0]
