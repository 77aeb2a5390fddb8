"""Iterate over items that a background thread produces in advance."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")


class _End(Exception):
    """Marks the end of the items in the queue."""


def prefetch(items: Iterable[Item], max_waiting: int, thread_name: str) -> Generator[Item]:
    """Produce items in a background thread, ahead of the consumer.

    Closing the generator stops the thread and calls ``items.close()`` if that method exists.

    Parameters
    ----------
    items
        Iterated in the background thread.
    max_waiting
        Maximum number of finished items in the queue; at least 1 is kept.
    thread_name
        Name of the background thread, as shown by debuggers.

    Yields
    ------
    Item
        The items in order.  An exception raised by ``items`` is raised here after the items before it.

    Examples
    --------
    >>> list(prefetch(range(3), max_waiting=2, thread_name="count"))
    [0, 1, 2]
    """
    waiting: queue.Queue[Item | BaseException] = queue.Queue(max(1, max_waiting))
    closed = threading.Event()

    def hand_over(item: Item | BaseException) -> None:
        while not closed.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    def produce() -> None:
        try:
            for item in items:
                hand_over(item)
                if closed.is_set():
                    return
            hand_over(_End())
        except BaseException as error:
            hand_over(error)
        finally:
            if close := getattr(items, "close", None):
                close()

    thread = threading.Thread(target=produce, name=thread_name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        closed.set()
        thread.join()
