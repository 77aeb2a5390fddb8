"""Items made in a thread of their own, some ahead of who takes them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")


class _End(Exception):
    """All items are made."""


def ahead(items: Iterable[Item], most: int, name: str) -> Generator[Item]:
    """The same items; at most ``most`` that are made already wait.

    An exception of ``items`` is raised at its place.  Closing the iterator ends the thread ``name`` and, where it has
    a ``close``, what makes the items.
    """
    waiting: queue.Queue[Item | BaseException] = queue.Queue(max(1, most))
    unwanted = threading.Event()

    def hand_over(item: Item | BaseException) -> None:
        while not unwanted.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    def make() -> None:
        try:
            for item in items:
                hand_over(item)
                if unwanted.is_set():
                    return
            hand_over(_End())
        except BaseException as error:
            hand_over(error)
        finally:
            if close := getattr(items, "close", None):
                close()

    maker = threading.Thread(target=make, name=name, daemon=True)
    maker.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        unwanted.set()
        maker.join()
