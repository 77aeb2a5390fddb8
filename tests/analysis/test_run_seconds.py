"""How long an analysis took: every run and part counts, and the time between them does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx import progress
from dlcx.analysis import video_analysis
from dlcx.analysis.result import AnalyzedVideo
from dlcx.analysis.timing import TimeSpent
from dlcx.formats.predictions.analysis_pickles import read_meta_pickle
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.predictors import temporal
from dlcx.store import chunks
from dlcx.store.chunks import analysis_seconds
from dlcx.workflow.merge_parts import merge_parts
from dlcx.workflow.report import report

Again = Callable[..., AnalyzedVideo]
#: Seconds that the net takes for a batch of 4 frames.
BATCH = 2.0


class TestClock:
    """A clock that only the test moves."""

    __test__ = False

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(net: FindsDisc, monkeypatch: pytest.MonkeyPatch) -> TestClock:
    """Only the net takes time."""
    clock = TestClock()
    monkeypatch.setattr(chunks, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=clock, monotonic=clock, time=clock))
    monkeypatch.setattr(video_analysis, "perf_counter", clock)
    net.before = lambda batch: setattr(clock, "now", clock.now + BATCH)
    return clock


def speed_on_page(project: Path, video: Path) -> str:
    (done,) = report(project, video).pages
    found = re.search(r"<td>analyzed in</td><td>([^<]*)</td>", done.page.read_text(encoding="utf-8"))
    assert found
    return found[1]


def test_a_run_that_was_stopped_and_resumed(project: Path, net: FindsDisc, again: Again, clock: TestClock) -> None:
    video = write_video(project / "videos" / "v.avi", 50)
    work = net.before

    def die(batch: int) -> None:
        if batch == 5:
            raise KeyboardInterrupt
        work(batch)

    net.before = die
    with pytest.raises(KeyboardInterrupt):
        again(video)
    clock.now += 1000
    net.before = work
    done = again(video)
    assert (done.analyzed, done.time.total, done.time.frames_per_second) == (30, 16, 30 / 16)  # of this call
    assert read_meta_pickle(done.meta_pickle).seconds == 26  # 20 frames in 5 batches, 30 frames in 8
    assert load_plain_pickle(done.meta_pickle, foreign=True)["data"]["run_duration"] == 26
    assert speed_on_page(project, video) == "26.0 s over all runs and parts, 1.9 frames/s"


def test_a_range_that_was_widened_and_a_call_with_nothing_to_do(project: Path, again: Again, clock: TestClock) -> None:
    video = write_video(project / "videos" / "v.avi", 50)
    first = again(video, frames=(0, 8))
    assert read_meta_pickle(first.meta_pickle).seconds == 2 * BATCH
    assert speed_on_page(project, video) == "4.0 s over all runs and parts, 2.0 frames/s"
    clock.now += 1000
    again(video, frames=(0, 40))
    clock.now += 1000
    done = again(video, frames=(0, 40))
    assert done.analyzed == 0
    assert read_meta_pickle(done.meta_pickle).seconds == 10 * BATCH
    assert speed_on_page(project, video) == "20.0 s over all runs and parts, 2.0 frames/s"


def test_parts_of_other_calls(project: Path, again: Again, clock: TestClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)
    video = write_video(project / "videos" / "v.avi", 60)
    for number in (2, 1, 3):
        again(video, part=(number, 3))
        clock.now += 1000
    (done,) = merge_parts(project, video).videos
    assert (done.analyzed, done.time.total, done.time.frames_per_second) == (60, 15 * BATCH, 2)
    assert done.time.line() == ("time: 30.0 s, 2.0 frames/s (parts 30.0 s); bound by the analysis of the parts (100%)")
    assert analysis_seconds(done.h5.with_suffix(".dlcx")) == 15 * BATCH
    assert read_meta_pickle(done.meta_pickle).seconds == 15 * BATCH
    assert speed_on_page(project, video) == "30.0 s over all runs and parts, 2.0 frames/s"


def test_parts_of_other_processes_of_this_call() -> None:
    """Each frame counts once, with the seconds of the process that analyzed it."""
    shares = [TimeSpent({"net": 6.0, "writing": 1.0}, 2.0, 40), TimeSpent({"net": 12.0}, 3.0, 36)]
    merged = TimeSpent({"parts": 50.0, "writing": 1.0}, 0.0, 200)
    spent = merged.with_parts(shares)
    assert spent.seconds == {"net": 18.0, "writing": 2.0}
    assert (spent.total, spent.decoding, spent.frames, spent.frames_per_second) == (20.0, 5.0, 76, 3.8)
    assert merged.with_parts([]) is merged


def test_poses_of_deeplabcut_say_it_themselves(project: Path, again: Again, clock: TestClock) -> None:
    import shutil

    video = write_video(project / "videos" / "v.avi", 20)
    done = again(video)
    shutil.rmtree(done.h5.with_suffix(".dlcx"))
    assert speed_on_page(project, video) == "10.0 s over all runs and parts, 2.0 frames/s"
