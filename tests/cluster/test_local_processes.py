"""LocalPool of this machine that do pieces of work."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from cluster import pieces

from dlcx.cluster.local_processes import LocalPool
from dlcx.cluster.worker_pool import TRIES, FailedTask
from dlcx.errors import Stopped
from dlcx.stopping import StopRequest

pytestmark = pytest.mark.posix

PLACES = [{"DLCX_TEST_PLACE": "a"}, {"DLCX_TEST_PLACE": "b"}]


def nothing(number: int, count: int) -> None:
    pass


def test_every_piece_is_done_once_and_all_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[tuple[int, int]] = []
    with (
        caplog.at_level(logging.WARNING, "dlcx"),
        LocalPool(pieces.square, environments=PLACES, on_progress=lambda *said: heard.append(said)) as pool,
    ):
        assert pool.size == 2
        for number in range(5):
            pool.submit(number, str(number), number)
        results = {}
        for number, result in pool.results():
            results[number] = result
            if number == 4:
                pool.submit(5, "one more", 9)  # while results come
    assert {number: result[0] for number, result in results.items()} == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16, 5: 81}
    assert {result[1] for result in results.values()} == {"a", "b"}
    assert sorted(heard) == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 9)]
    assert sorted(record.getMessage() for record in caplog.records) == [f"squares {n}" for n in (0, 1, 2, 3, 4, 9)]


def test_a_killed_process_costs_nothing_but_its_piece(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.WARNING, "dlcx"),
        LocalPool(pieces.die_once, environments=PLACES, on_progress=nothing) as pool,
    ):
        for number in range(3):
            pool.submit(number, str(number), str(tmp_path / str(number)))
        assert dict(pool.results()) == {0: "survived", 1: "survived", 2: "survived"}
    assert sum("ended with signal SIGKILL" in record.getMessage() for record in caplog.records) == 3


@pytest.mark.parametrize(("work", "why"), [(pieces.die, "signal SIGKILL"), (pieces.fail, "ValueError: why")])
def test_what_fails_again_and_again_is_given_up(work, why: str) -> None:
    with LocalPool(work, environments=PLACES[:1], on_progress=nothing) as pool:
        pool.submit(7, "seven", "why")
        ((number, result),) = pool.results()
    assert number == 7
    assert isinstance(result, FailedTask)
    assert result.reason.startswith(f"given up after {TRIES} tries: ")
    assert result.reason.endswith(why)


def test_a_signal_ends_the_work_and_the_processes(tmp_path: Path) -> None:
    stop = StopRequest()
    done = tmp_path / "done"

    def heard(number: int, count: int) -> None:
        stop.signal = "SIGTERM"

    with (
        pytest.raises(Stopped, match="stopped by SIGTERM"),
        LocalPool(pieces.wait_until_unwanted, environments=PLACES[:1], on_progress=heard, stop=stop) as pool,
    ):
        pool.submit(0, "long", str(done))
        list(pool.results())
    assert pool.workers[0] is not None
    assert not pool.workers[0].process.is_alive()


def test_processes_end_when_nobody_listens(tmp_path: Path) -> None:
    """Their pipe breaks, as when the process that started them is killed."""
    done = tmp_path / "done"
    pool = LocalPool(pieces.wait_until_unwanted, environments=PLACES[:1], on_progress=nothing)
    pool.submit(0, "long", str(done))
    pool._assign_tasks()
    worker = pool.workers[0]
    assert worker is not None
    while not done.with_suffix(".begun").exists():
        time.sleep(0.02)
    worker.line.close()
    worker.process.join(30)
    assert worker.process.exitcode == 0
    assert done.exists()
