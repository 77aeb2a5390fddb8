from __future__ import annotations

import pytest

from dlcx import progress
from dlcx.progress import SILENT, Clock


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: seconds[0])
    return seconds


def test_time_is_added_up_by_name(now: list[float]) -> None:
    clock = Clock("read", "write")
    for seconds in (1, 2):
        with clock("read"):
            now[0] += seconds
        now[0] += 10
    assert clock.spent == {"read": 3, "write": 0}


def test_time_counts_even_if_a_step_fails(now: list[float]) -> None:
    clock = Clock("read")
    with pytest.raises(ValueError, match="broken"), clock("read"):
        now[0] += 4
        raise ValueError("broken")
    assert clock.spent == {"read": 4}


def test_waiting_counts_the_producer_and_not_the_consumer(now: list[float]) -> None:
    def produce():
        for number in range(3):
            now[0] += 1
            yield number

    clock = Clock("decoding")
    taken = []
    for number in clock.waiting("decoding", produce()):
        taken.append(number)
        now[0] += 100
    assert taken == [0, 1, 2]
    assert clock.spent == {"decoding": 3}


def test_parts_of_a_step_get_names_of_their_own(now: list[float]) -> None:
    clock = Clock("pose")
    with clock("pose"):
        now[0] += 9
    clock.split("pose", {"net": 6.0})
    assert clock.spent == {"pose": 3, "net": 6}


def test_the_default_progress_accepts_everything_and_displays_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with SILENT.task("train", total=None, unit="epoch") as task:
        task.advance(3, "loss 0.1")
        task.report("epoch 1", {"loss": 0.1})
    assert capfd.readouterr() == ("", "")
