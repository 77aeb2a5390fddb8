"""Analyses that are killed at random moments lose nothing but the open chunk, and end as one that never was."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from same_results import differences, same_file
from several_animals import BUCTD, PAF, long_video, make_project
from victims import Ended, Victims

from dlcx.store import inspect_store

CHUNK, RESET_INTERVAL, BATCH = 16, 40, 4
#: Ends of files that say when something was done, or that it is not finished.
NOTES = ("_meta.pickle", "_tracking.json")

pytestmark = pytest.mark.posix


@dataclass(frozen=True)
class Case:
    """Calls that follow one another, with the frames of their video; each kill of ``kills`` hits one of the phases."""

    shuffle: int
    frames: int
    kills: int
    calls: tuple[tuple[str, ...], ...] = (("analyze-video",),)
    flags: tuple[str, ...] = ()
    phases: tuple[str, ...] = ("decoding", "net", "chunk", "results")


PARTS = (("analyze-video", "--part", "2/2"), ("analyze-video", "--part", "1/2"), ("merge-parts",))
CASES = {
    "PAF net with tracks": Case(PAF, 120, 14),
    "in two parts": Case(PAF, 160, 14, PARTS),
    "CTD tracking": Case(BUCTD, 50, 6, flags=("--tracker", "ctd")),
    "every frame on its own": Case(PAF, 60, 6, flags=("--no-track", "--batch-size", "1")),
}


@pytest.fixture(scope="module")
def root(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("killed") / "ma", golden, PAF)


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    said = tmp_path_factory.mktemp("victims") / "said.txt"
    with Victims(said, {"chunks.CHUNK_FRAMES": CHUNK, "temporal.RESET_INTERVAL": RESET_INTERVAL}) as running:
        yield running


@dataclass
class Analysis:
    """One case: how its calls are made, and what an uninterrupted run leaves."""

    case: Case
    root: Path
    video: Path
    victims: Victims

    def __post_init__(self) -> None:
        self.straight, self.out = self.video.parent / "straight", self.video.parent / "out"
        self.means: dict[str, float] = {}
        self.during: Counter[str] = Counter()
        self.kills, self.lost = 0, []

    def call(self, number: int, out: Path) -> list[str]:
        """The words of one of the calls."""
        case, project = self.case, ["-p", str(self.root), "--shuffle", str(self.case.shuffle)]
        name, *more = case.calls[number]
        flags = case.flags if name == "analyze-video" else ()
        batch = ["--batch-size", str(BATCH)] if name == "analyze-video" and "ctd" not in case.flags else []
        return [name, str(self.video), *project, "--out", str(out), "-q", *batch, *flags, *more]

    def run_straight(self) -> None:
        """Without a kill, and how long each phase takes."""
        for number in range(len(self.case.calls)):
            done = self.victims.run(self.call(number, self.straight))
            assert done.code == 0, done.said
            self.means = {phase: max(self.means.get(phase, 0.0), seconds) for phase, seconds in done.seconds.items()}

    def safe(self) -> int:
        """Frames that the stores hold; a share's may be in that of the whole too."""
        stores = [store for path in self.out.glob("*.dlcx") if (store := inspect_store(path))]
        return len({frame for store in stores for chunk in store.chunks for frame in range(chunk.first, chunk.stop)})

    def run_killed(self, rng: random.Random) -> None:
        """All calls from nothing, each killed now and then until it ends."""
        shutil.rmtree(self.out, ignore_errors=True)
        for number in range(len(self.case.calls)):
            while True:
                before = self.safe()
                phase = rng.choice(self.case.phases if before < self.case.frames else ("results", "tracking", ""))
                done = self.victims.run(
                    self.call(number, self.out),
                    phase=phase if self.kills < self.case.kills else "",
                    nth=rng.randint(1, 9) if phase in ("decoding", "net") else 1,
                    after=rng.random() * self.means.get(phase, 0.0),
                )
                if done.code != -signal.SIGKILL:
                    break
                self.check_killed(done, before)
            assert done.code == 0, done.said
        assert differences(self.straight, self.out) == []
        assert not [path.name for path in self.out.iterdir() if path.name.startswith(".") or "lock" in path.name]

    def check_killed(self, done: Ended, before: int) -> None:
        """Nothing but the open chunk is lost, and the files that are there are whole."""
        self.kills += 1
        self.during.update(done.during or ("between",))
        gained = self.safe() - before
        remembered = RESET_INTERVAL if "ctd" in self.case.flags else 0  # looked at again, to know what came before
        self.lost.append(done.frames - gained)
        assert 0 <= done.frames - gained <= CHUNK + remembered, (done, before)
        for path in self.out.iterdir():
            passing = path.name.startswith(".") or "lock" in path.name or path.name.endswith(NOTES)
            if path.is_file() and not passing:
                assert same_file(path, self.straight / path.name), path.name


@pytest.fixture
def analysis(root: Path, golden: Path, tmp_path: Path, victims: Victims) -> Callable[[Case], Analysis]:
    def make(case: Case) -> Analysis:
        if case.shuffle == BUCTD and not list(root.glob("dlc-models-pytorch/*/*shuffle6")):
            from several_animals import add_net

            add_net(root, BUCTD)
        made = Analysis(case, root, long_video(tmp_path / "v.avi", golden, case.frames), victims)
        made.run_straight()
        return made

    return make


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_killed_again_and_again(analysis: Callable[[Case], Analysis], case: Case) -> None:
    tried, rng = analysis(case), random.Random(case.frames)
    while tried.kills < case.kills:
        tried.run_killed(rng)
    assert tried.kills == case.kills
    print(f"{tried.kills} kills survived, during {dict(tried.during)}; frames analyzed again: {tried.lost}")


def test_stopped_by_every_signal_in_turn(analysis: Callable[[Case], Analysis]) -> None:
    tried = analysis(Case(PAF, 40, 0))
    call = tried.call(0, tried.out)
    for kind, phase, nth in (
        (signal.SIGKILL, "net", 6),
        (signal.SIGTERM, "net", 2),
        (signal.SIGUSR1, "net", 1),
        (signal.SIGKILL, "tracking", 1),
    ):
        before = tried.safe()
        done = tried.victims.run(call, phase=phase, nth=nth, kind=kind)
        if kind == signal.SIGKILL:
            assert (done.code, phase in done.during) == (-kind, True)
            tried.check_killed(done, before)
            continue
        assert done.code == 75
        assert f"error: stopped by {kind.name}; {tried.safe()} frames of v.avi are safe" in done.said
        assert "hint: Run the same command again to resume." in done.said
        assert tried.safe() == before + done.frames < 40
    done = tried.victims.run(call)
    assert (done.code, done.frames) == (0, 0)
    assert differences(tried.straight, tried.out) == []
