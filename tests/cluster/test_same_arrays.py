"""One process, shares by hand in any order, processes, Dask and SLURM with kills: the same arrays, bit for bit.

The videos are the first frames of openfield's and flypair24's own, with a small net of made-up weights.  See
``small_shares/sitecustomize.py`` for how short videos have several shares and chunks.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from cluster.real_dask import program, scheduler
from cluster.real_slurm import RealSlurm
from small_videos import first_frames

from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.store import inspect_store

pytestmark = pytest.mark.posix

ROOT = Path(__file__).parents[2]
#: Project, video, how many of its frames, and the flags of its analyses.
CASES = {
    "openfield-Pranav-2018-10-30": ("m3v1mp4.mp4", 300, ("--crop", "100,228,100,228")),
    "flypair24": ("centered_pair_small.mp4", 200, ("--crop", "100,228,100,228")),
}
RESET_INTERVAL, CHUNK, SHARES = 64, 16, 3
#: What a share says at its end: SLURM's SIGTERM reaches it directly or, as another signal, through the job's shell.
STOPPED = r"error: stopped by SIG(TERM|USR1); \d+ frames of short.mp4 are safe"


@dataclass(frozen=True)
class Desk:
    """A project with a net, a short video, and what one process makes of it."""

    project: Path
    video: Path
    frames: int
    flags: tuple[str, ...]
    whole: Path

    def environment(self, **more: str) -> dict[str, str]:
        here = Path(__file__).parent
        path = os.pathsep.join(map(str, [here / "small_shares", ROOT, ROOT / "tests"]))
        small = {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "DLCX_SMALL_STRETCH": str(RESET_INTERVAL)}
        return {**os.environ, **small, **more}

    def words(self, out: Path, *more: str, command: str = "analyze-video") -> list[str]:
        call = [sys.executable, "-m", "dlcx", command, str(self.video), "-p", str(self.project), "--out", str(out)]
        return [*call, *(self.flags if command == "analyze-video" else ()), *more]

    def call(self, out: Path, *more: str, command: str = "analyze-video", **environment: str) -> str:
        """Run to the end; what it says on stdout."""
        done = subprocess.run(
            self.words(out, *more, command=command),
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def assert_same(self, out: Path) -> None:
        """All tables of poses and tracks, and what the store keeps, equal those of one process."""
        tables = sorted(path.name for path in self.whole.glob("*.h5"))
        assert sorted(path.name for path in out.glob("*.h5")) == tables
        assert tables
        for name in tables:
            mine, its = read_predictions(out / name), read_predictions(self.whole / name)
            np.testing.assert_array_equal(mine.xy, its.xy)
            np.testing.assert_array_equal(mine.score, its.score)
            assert mine.xy.shape[0] == self.frames
        stores = [inspect_store(next(folder.glob("*.dlcx"))) for folder in (out, self.whole)]
        assert stores[0] is not None
        assert stores[1] is not None
        assert stores[0].settings == stores[1].settings
        mine, its = (store.read(0, self.frames) for store in stores if store)
        for one, other in zip(mine.predictions, its.predictions, strict=True):
            np.testing.assert_array_equal(one.animals.xy, other.animals.xy)
            np.testing.assert_array_equal(one.animals.score, other.animals.score)
        assert not list(out.glob("*.part*"))


@pytest.fixture(scope="module", params=CASES)
def desk(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    import shutil

    from fill_weights import fill_weights

    from dlcx.cli.app import run
    from dlcx.formats.project_config import open_project
    from dlcx.formats.shuffles.model_config import read_model_config
    from dlcx.formats.weights.snapshot import write_snapshot
    from dlcx.nets.build import build_model

    name, frames, flags = CASES[request.param]
    folder = tmp_path_factory.mktemp("same")
    project = folder / request.param
    shutil.copytree(shared / "data" / "projects" / request.param, project, copy_function=shutil.copyfile)
    for path in [project, *project.rglob("*")]:
        path.chmod(0o755)
    assert run(["create-dataset", "-p", str(project), "--net-type", "timm/test_resnet", "--weights=none", "-q"]) == 0
    shuffle = open_project(project).shuffle(1)
    model = build_model(read_model_config(shuffle.model_config_path))
    fill_weights(model, seed=1, gain=1.0, head_gain=0.0126)
    write_snapshot(shuffle.snapshot_path(10), model=model.state_dict(), epoch=10, metrics={}, losses={})
    video = first_frames(project / "videos" / name, folder / "short.mp4", frames)
    made = Desk(project, video, frames, flags, folder / "whole")
    made.call(made.whole)
    return made


def part_frames(out: Path) -> int:
    """How many frames are safe in the stores of shares."""
    stores = [json.loads(path.read_text()) for path in out.glob("*.part*.dlcx/manifest.json")]
    return sum(chunk["stop"] - chunk["first"] for store in stores for chunk in store["chunks"])


def until(ready, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def holders(out: Path, share: int | None = None) -> set[int]:
    """The processes at work on shares, or on one share, as their locks tell."""
    found = set()
    for path in out.glob(f"*.part{share or '*'}of*.lock"):
        try:
            found.add(int(json.loads(path.read_text())["pid"]))
        except (OSError, ValueError):
            continue
    return found


@pytest.mark.slow
def test_shares_by_hand_in_any_order(desk: Desk, tmp_path: Path) -> None:
    for number in (3, 1, 2):
        desk.call(tmp_path, "--part", f"{number}/{SHARES}")
    desk.call(tmp_path, command="merge-parts")
    desk.assert_same(tmp_path)


def killed_in_the_middle(desk: Desk, out: Path, *flags: str) -> str:
    """Kill a worker with -9 after its first chunks; what the call says in the end, with how often frames were done."""
    with subprocess.Popen(
        desk.words(out, *flags), env=desk.environment(DLCX_SLOW="0.2"), stdout=-1, stderr=-1, text=True
    ) as call:
        until(lambda: part_frames(out) >= CHUNK and holders(out) - {call.pid})
        safe = part_frames(out)
        victim = min(holders(out) - {call.pid})
        os.kill(victim, signal.SIGKILL)
        stdout, stderr = call.communicate(timeout=300)
    assert call.returncode == 0, stderr
    assert safe < desk.frames, "killed too late to tell"
    return stdout + stderr


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["--devices 2", "--cluster local=2"])
def test_workers_that_are_killed(desk: Desk, tmp_path: Path, flags: str) -> None:
    if "cluster" in flags:
        pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    said = killed_in_the_middle(desk, tmp_path, *flags.split(), "--shares", str(SHARES))
    assert "time: " in said
    desk.assert_same(tmp_path)


@pytest.mark.slow
def test_a_kill_costs_at_most_a_chunk(desk: Desk, tmp_path: Path) -> None:
    """What is in the store when the worker dies is not analyzed again: the chunk files stay the very same ones."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with subprocess.Popen(
        desk.words(tmp_path, "--cluster", "local=1", "--shares", "1"),
        env=desk.environment(DLCX_SLOW="0.2"),
        stdout=-1,
        stderr=-1,
        text=True,
    ) as call:
        until(lambda: part_frames(tmp_path) >= 2 * CHUNK and holders(tmp_path))
        (victim,) = holders(tmp_path)
        os.kill(victim, signal.SIGKILL)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.part*/frames-*.npz")}
        frames = part_frames(tmp_path)
        until(lambda: part_frames(tmp_path) > frames)
        after = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.part*/frames-*.npz")}
        assert {path: after.get(path) for path in before} == before
        assert len(before) * CHUNK >= frames
        _, stderr = call.communicate(timeout=300)
    assert call.returncode == 0, stderr
    desk.assert_same(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["SIGUSR1", "SIGTERM", "SIGKILL"])
def test_a_worker_of_a_scheduler_that_ends_in_the_middle(desk: Desk, tmp_path: Path, kind: str) -> None:
    """As a cluster's own scheduler ends Dask's workers: the other one does all that is left."""
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    out, environment = tmp_path / "out", desk.environment(DLCX_SLOW="0.3")
    flags = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)]
    with (
        scheduler(tmp_path) as address,
        program("dask_worker", address, *flags, environment=environment) as victim,
        program("dask_worker", address, *flags, environment=environment) as other,
        subprocess.Popen(
            desk.words(out, "--cluster", f"dask={address}", "--shares", str(SHARES)),
            env=environment,
            stdout=-1,
            stderr=-1,
            text=True,
        ) as call,
    ):
        until(lambda: part_frames(out) >= CHUNK and holders(out) >= {victim.pid, other.pid})
        victim.send_signal(signal.Signals[kind])
        victim.wait(60)
        assert part_frames(out) < desk.frames, "too late to tell"
        _, stderr = call.communicate(timeout=300)
    assert call.returncode == 0, stderr
    desk.assert_same(out)


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["--devices 2", "--cluster local=2"])
def test_a_signal_stops_all_and_the_same_call_goes_on(desk: Desk, tmp_path: Path, flags: str) -> None:
    if "cluster" in flags:
        pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    words = desk.words(tmp_path, *flags.split(), "--shares", str(SHARES))
    with subprocess.Popen(words, env=desk.environment(DLCX_SLOW="0.2"), stdout=-1, stderr=-1, text=True) as call:
        until(lambda: part_frames(tmp_path) >= CHUNK)
        call.send_signal(signal.SIGUSR1)
        _, stderr = call.communicate(timeout=120)
    assert call.returncode == 75, stderr
    assert "error: stopped by SIGUSR1" in stderr
    assert not list(tmp_path.glob("*.h5"))
    safe = part_frames(tmp_path)
    assert safe >= CHUNK
    desk.call(tmp_path, *flags.split(), "--shares", str(SHARES))
    desk.assert_same(tmp_path)


@pytest.fixture(scope="module")
def slurm() -> Iterator[RealSlurm]:
    with RealSlurm() as running:
        yield running


@pytest.mark.slurm
def test_an_array_that_is_pre_empted_and_killed(desk: Desk, slurm: RealSlurm, tmp_path: Path) -> None:
    """A job of a higher partition takes the place of shares, a process is killed with -9: all goes on where it was."""
    flags = ["--cluster", "slurm", "--shares", str(SHARES), "--cpus", "1", "--mem", "2G", "--time", "30"]
    flags += ["--partition", "low"]
    out = desk.call(tmp_path, *flags, DLCX_SLOW="0.3", **slurm.environment)
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    until(lambda: part_frames(tmp_path) >= CHUNK)
    high = ["sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1"]
    slurm.call(*high)
    until(lambda: all(state == "PENDING" for job, state in slurm.states().items() if job.startswith(facts["array"])))
    safe = part_frames(tmp_path)
    assert safe < desk.frames
    again = desk.call(tmp_path, *flags, **slurm.environment)
    assert "already submitted" in again
    slurm.until_empty()
    logs = "".join(path.read_text() for path in Path(facts["jobs"]).glob("logs/share-*.log"))
    assert re.search(STOPPED, logs)
    assert "PREEMPTION" in logs
    desk.assert_same(tmp_path)


@pytest.mark.slurm
def test_an_array_that_comes_to_its_time_limit(desk: Desk, slurm: RealSlurm, tmp_path: Path) -> None:
    """Warned of it, shares go back into the queue; here SLURM's warning is said by scancel, as it takes a minute."""
    flags = ["--cluster", "slurm", "--shares", "2", "--cpus", "1", "--mem", "2G", "--time", "30"]
    out = desk.call(tmp_path, *flags, DLCX_SLOW="0.3", **slurm.environment)
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    until(lambda: part_frames(tmp_path) >= CHUNK)
    slurm.call("scancel", "--batch", "--signal=USR1", facts["array"])
    until(lambda: not any(state == "RUNNING" for state in slurm.states().values()))
    assert slurm.states()[facts["merge"]] == "PENDING"
    slurm.until_empty()
    desk.assert_same(tmp_path)


@pytest.mark.slurm
def test_an_array_that_is_put_back_by_hand_and_killed(desk: Desk, slurm: RealSlurm, tmp_path: Path) -> None:
    """``scontrol requeue`` ends one share, which saves with exit code 75; ``kill -9`` another, which is lost."""
    flags = ["--cluster", "slurm", "--shares", str(SHARES), "--cpus", "1", "--mem", "2G", "--time", "30"]
    out = desk.call(tmp_path, *flags, DLCX_SLOW="0.3", **slurm.environment)
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    until(lambda: part_frames(tmp_path) >= CHUNK and len(holders(tmp_path)) == 2)
    (lost,) = holders(tmp_path, share=2)
    slurm.call("scontrol", "requeue", f"{facts['array']}_0")
    os.kill(lost, signal.SIGKILL)
    assert part_frames(tmp_path) < desk.frames
    slurm.until_empty()
    told = "".join(path.read_text() for path in Path(facts["jobs"]).glob("logs/share-*.log"))
    assert re.search(STOPPED, told)
    assert "DUE TO JOB REQUEUE" in told
    assert not list(tmp_path.glob("*.h5"))
    desk.call(tmp_path, *flags, **slurm.environment)  # the same call submits what was lost
    slurm.until_empty()
    desk.assert_same(tmp_path)


@pytest.mark.slurm
def test_a_canceled_array_stays_canceled_and_is_told(desk: Desk, slurm: RealSlurm, tmp_path: Path) -> None:
    flags = ["--cluster", "slurm", "--shares", "2", "--cpus", "1", "--mem", "2G", "--time", "30"]
    out = desk.call(tmp_path, *flags, DLCX_SLOW="0.3", **slurm.environment)
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    until(lambda: part_frames(tmp_path) >= CHUNK)
    slurm.call("scancel", facts["array"])
    slurm.until_empty()
    assert "missing: " in (Path(facts["jobs"]) / "logs" / "merge.log").read_text()
    assert not list(tmp_path.glob("*.h5"))
    desk.call(tmp_path, *flags, **slurm.environment)  # the same call submits what was lost
    slurm.until_empty()
    desk.assert_same(tmp_path)
