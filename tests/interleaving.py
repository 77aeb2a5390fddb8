"""Two changes of one file at once, in the order that loses one of them where nothing guards the file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from dlcx import locks


def interleave(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    first: Callable[[], object],
    second: Callable[[], object],
    *,
    after: int = 1,
) -> None:
    """Run ``first``; when it has called ``owner.name``, which reads, run ``second`` until it ends or waits for a lock.

    ``after`` is the number of calls: a file may be read to be checked before it is read to be changed.
    Both must end without an exception.
    """
    reader, sleep = getattr(owner, name), time.sleep
    waiting, errors = threading.Event(), []
    calls: list[str] = []

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
        if threading.current_thread() is main:
            calls.append(name)
            if len(calls) == after:
                other.start()
                waiting.wait()
        return found

    main, other = threading.current_thread(), threading.Thread(target=run_second)
    monkeypatch.setattr(owner, name, read)
    monkeypatch.setattr(locks.time, "sleep", note_wait)
    first()
    assert waiting.is_set(), f"{name} was called {len(calls)} times"
    other.join()
    if errors:
        raise errors[0]
