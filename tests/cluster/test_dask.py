"""Dask workers that do pieces of work."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest
from cluster import pieces
from cluster.real_dask import program, scheduler

from dlcx.cluster.dask import DaskPool
from dlcx.cluster.worker_pool import FailedTask
from dlcx.errors import DlcxError, Stopped
from dlcx.stopping import StopRequest

if importlib.util.find_spec("distributed") is None:
    pytest.skip("the extra 'cluster' is not installed", allow_module_level=True)

PLACES = [{"DLCX_TEST_PLACE": "a"}, {"DLCX_TEST_PLACE": "b"}]


def nothing(number: int, count: int) -> None:
    pass


@pytest.mark.slow
def test_every_piece_is_done_and_heard() -> None:
    heard: list[tuple[int, int]] = []
    with DaskPool(pieces.square, environments=PLACES, on_progress=lambda *said: heard.append(said)) as pool:
        assert pool.size == 2
        for number in range(5):
            pool.submit(number, "piece", number)
        results = {}
        for number, result in pool.results():
            results[number] = result
            if number == 4:
                pool.submit(5, "piece", 9)
        until = time.monotonic() + 120
        while (5, 9) not in heard and time.monotonic() < until:
            time.sleep(0.05)
    assert {number: result[0] for number, result in results.items()} == {0: 0, 1: 1, 2: 4, 3: 9, 4: 16, 5: 81}
    assert {result[1] for result in results.values()} <= {"a", "b"}
    assert {(3, 3), (4, 4), (5, 9)} <= set(heard)


@pytest.mark.slow
def test_kills_and_failures(tmp_path: Path) -> None:
    with DaskPool(pieces.die_once, environments=PLACES, on_progress=nothing) as pool:
        pool.submit(0, "piece", str(tmp_path / "once"))
        assert dict(pool.results()) == {0: "survived"}
    with DaskPool(pieces.fail, environments=PLACES[:1], on_progress=nothing) as pool:
        pool.submit(0, "piece", "why")
        ((_, result),) = pool.results()
    assert isinstance(result, FailedTask)
    assert result.reason == "given up after 4 tries: ValueError: why"


@pytest.mark.slow
def test_a_signal_stops_the_workers(tmp_path: Path) -> None:
    stop = StopRequest()
    done = tmp_path / "done"

    def heard(number: int, count: int) -> None:
        stop.signal = "SIGUSR1"

    with (
        pytest.raises(Stopped, match="stopped by SIGUSR1"),
        DaskPool(pieces.wait_until_unwanted, environments=PLACES[:1], on_progress=heard, stop=stop) as pool,
    ):
        pool.submit(0, "long", str(done))
        list(pool.results())
    assert done.exists()  # it was told, and could save


@pytest.mark.slow
def test_workers_that_come_late_are_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[1]}:{Path(__file__).parents[2]}")
    with scheduler(tmp_path) as address, DaskPool(pieces.square, address=address, on_progress=nothing) as pool:
        assert "no worker is there yet" in caplog.text
        pool.submit(0, "piece", 3)
        with program("dask_worker", address, "--nthreads", "2", "--no-dashboard"):
            assert dict(pool.results()) == {0: (9, "")}
            with DaskPool(pieces.square, address=address, on_progress=nothing) as other:
                assert other.size == 1
                assert "each worker runs one task at a time; start workers with --nthreads 1" in caplog.text


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    from dlcx.cluster import dask

    monkeypatch.setattr(dask, "TIMEOUT", 0.3)
    with (
        pytest.raises(DlcxError, match=r"--cluster dask=tcp://127.0.0.1:9: no Dask scheduler answers"),
        DaskPool(pieces.square, address="tcp://127.0.0.1:9", on_progress=nothing),
    ):
        pass
