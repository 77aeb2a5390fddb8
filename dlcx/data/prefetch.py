"""Iterate over items that a background thread produces in advance."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import repeat, starmap, takewhile
from operator import is_not
from typing import Any, TypeVar

Item = TypeVar("Item")


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
    with prefetched(items, max_waiting, thread_name) as produced:
        yield from produced


@contextmanager
def prefetched(items: Iterable[Item], max_waiting: int, thread_name: str) -> Iterator[Iterator[Item]]:
    """Produce items in a background thread while the body runs; leaving the body stops the thread.

    Parameters
    ----------
    items, max_waiting, thread_name
        As of :func:`prefetch`.

    Yields
    ------
    iterator of Item
        The items in order, from an iterator that runs no Python code.  An exception raised by ``items`` ends it and is
        raised when the body ends.
    """
    waiting: queue.Queue[Any] = queue.Queue(max(1, max_waiting))
    closed, end, failures = threading.Event(), object(), list[BaseException]()

    def hand_over(item: object) -> None:
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
        except BaseException as error:
            failures.append(error)
        finally:
            hand_over(end)
            if close := getattr(items, "close", None):
                close()

    thread = threading.Thread(target=produce, name=thread_name, daemon=True)
    thread.start()
    try:
        # not iter(waiting.get, end), which compares items with ==: arrays have no single answer
        yield takewhile(partial(is_not, end), starmap(waiting.get, repeat(())))
        if failures:
            raise failures[0]
    finally:
        closed.set()
        thread.join()
