import threading
import time

import pytest

from dlcx.data.prefetch import prefetch


def test_items_come_in_order_and_few_wait() -> None:
    made: list[int] = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    taken = prefetch(items(), 4, "numbers")
    assert next(taken) == 0
    deadline = time.monotonic() + 10
    while len(made) < 6 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(made) <= 7  # one taken, four that wait, one that is handed over
    assert [0, *taken] == list(range(100))


def test_an_exception_is_raised_after_the_items_before_it() -> None:
    def items():
        yield 1
        raise KeyError("two")

    taken = prefetch(items(), 3, "fails")
    assert next(taken) == 1
    with pytest.raises(KeyError, match="two"):
        next(taken)


def test_closing_stops_the_thread_and_closes_the_items() -> None:
    closed = []

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    taken = prefetch(items(), 2, "endless items")
    next(taken)
    assert any(thread.name == "endless items" for thread in threading.enumerate())
    taken.close()
    assert closed == [True]
    assert not any(thread.name == "endless items" for thread in threading.enumerate())
    assert list(prefetch((), 2, "nothing")) == []
