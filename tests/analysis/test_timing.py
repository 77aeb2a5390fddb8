import threading

import pytest

from dlcx import progress
from dlcx.analysis import timing
from dlcx.analysis.timing import Stopwatch, TimeSpent
from dlcx.progress import Clock, NetworkTime


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch):
    """Lets seconds pass on a clock of its own."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_each_thread_counts_its_own_network_time() -> None:
    spent = NetworkTime()
    spent.net += 1
    spent.preparing += 2
    other = []

    def count() -> None:
        spent.net += 4
        other.append(spent.take())

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    assert other == [{"preparing": 0, "net": 4}]
    assert spent.take() == {"preparing": 2, "net": 1}
    assert spent.take() == {"preparing": 0, "net": 0}


def test_what_is_not_the_nets_is_pose_decoding(wait, monkeypatch: pytest.MonkeyPatch) -> None:
    network_time = NetworkTime()
    monkeypatch.setattr(timing, "NETWORK_TIME", network_time)
    network_time.net += 5  # before the analysis
    watch = Stopwatch("linking")
    with watch.clock("pose decoding"):
        wait(9)
        network_time.preparing += 1
        network_time.net += 6
    watch.split_network_time()
    with watch.clock("writing"):
        wait(1)
    with watch.decoder("decoding"):
        wait(3)
    spent = watch.spent(20)
    assert spent.seconds == {
        "waiting": 0,
        "preparing": 1,
        "net": 6,
        "pose decoding": 2,
        "writing": 1,
        "linking": 0,
    }
    assert (spent.total, spent.frames_per_second, spent.bound_by) == (10, 2, "the net")
    assert spent.line() == (
        "time: 10.0 s, 2.0 frames/s (preparing 1.0 s, net 6.0 s, pose decoding 2.0 s, writing 1.0 s; "
        "decoding 3.0 s beside these); bound by the net (60%)"
    )


def test_every_step_has_a_word_for_people() -> None:
    for step in (*timing.STEPS, "linking"):
        assert TimeSpent({"net": 0.0, step: 1.0}, 0.0, 1).bound_by == timing.BOUND_BY[step]
    clock = Clock("net")
    clock.split("net", {"linking": 1.0})
    assert clock.spent == {"net": -1.0, "linking": 1.0}
