import threading

import pytest

from dlcx import progress
from dlcx.analysis import timing
from dlcx.analysis.timing import Stopwatch, TimeSpent
from dlcx.progress import Clock, Meter


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch):
    """Lets seconds pass on a clock of its own."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_time_within_time_counts_once(wait) -> None:
    meter = Meter()
    with meter("net"):
        wait(1)
        with meter("preparing"):
            wait(2)
            with meter("net"):
                wait(4)
        wait(8)
    wait(16)
    with meter("preparing"):
        wait(32)
    assert meter.take() == {"net": 13, "preparing": 34}
    assert meter.take() == {}
    seen = []
    with meter("net"):
        wait(1)
        other = threading.Thread(target=lambda: seen.append(meter.take()))
        other.start()
        other.join()
    assert seen == [{}]
    assert meter.take() == {"net": 1}


def test_what_is_not_the_nets_is_pose_decoding(wait, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = Meter()
    monkeypatch.setattr(timing, "METER", meter)
    with meter("net"):
        wait(5)  # before the analysis
    watch = Stopwatch("linking")
    with watch.clock("pose decoding"):
        with meter("preparing"):
            wait(1)
        with meter("net"):
            wait(6)
        wait(2)
    watch.net_done()
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
