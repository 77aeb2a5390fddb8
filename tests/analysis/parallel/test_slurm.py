"""Analyses as jobs of SLURM: the files that sbatch gets, run here as a node would, and calls that are said again."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cluster.fake_slurm import FakeSlurm, fake_slurm
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx.analysis.parallel import frame_cost
from dlcx.analysis.parallel import slurm as slurm_jobs
from dlcx.analysis.parallel.frame_cost import FrameCost
from dlcx.analysis.parallel.plan import DividedVideo
from dlcx.analysis.result import AnalyzedVideo
from dlcx.cli.app import run
from dlcx.cluster.sbatch import WARNING
from dlcx.data.video import FrameBatch
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.poses import Instances, Prediction
from dlcx.predictors import temporal

Again = Callable[..., AnalyzedVideo]
Submit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)
    return fake_slurm(tmp_path / "bin", monkeypatch)


@pytest.fixture
def submit(project: Path, net: FindsDisc, slurm: FakeSlurm, capsys: pytest.CaptureFixture[str]) -> Submit:
    """A call of analyze-video: its exit code and streams."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        net.forget_load()  # type: ignore[attr-defined]
        flags = ["-p", str(project), "--cluster=slurm", "--batch-size=4"]
        code = run(["analyze-video", *map(str, words), *flags])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def keys(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, re.MULTILINE))


def test_an_array_and_a_job_that_joins(project: Path, slurm: FakeSlurm, submit: Submit) -> None:
    paths = [write_video(project / "videos" / f"{name}.avi", count) for name, count in (("a b", 95), ("c", 20))]
    code, out, err = submit(*paths, "--shares=3", "--partition=gpu", "--cpus=2", "--array-parallel=2", "--csv")
    assert code == 0, err
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    assert facts["videos"] == "2, frames: 0 of 115 done, shares: 0 of 5 done"
    assert (facts["array"], facts["merge"]) == ("101", "102")
    assert facts["progress"] == "squeue --me --array --jobs=101,102"
    assert re.fullmatch(r"[\d.]+ ms a frame, [\d.]+ [MG]B memory", facts["measured"])
    assert err.startswith("hint: The same command again tells how far they are")
    jobs = Path(facts["jobs"])
    assert [call for call in slurm.calls if call.startswith("sbatch")] == [
        f"sbatch --parsable {jobs}/shares.sbatch",
        f"sbatch --parsable --dependency=afterany:101 {jobs}/merge.sbatch",
    ]
    assert (jobs / "shares.tsv").read_text() == "".join(
        f"{task}\t{part}\t{path}\n"
        for task, (part, path) in enumerate(
            [("1/3", paths[0]), ("2/3", paths[0]), ("3/3", paths[0]), ("1/2", paths[1]), ("2/2", paths[1])]
        )
    )
    array = keys(slurm.job(101))
    assert array["array"] == "0-4%2"
    assert (array["partition"], array["cpus-per-task"], array["signal"]) == ("gpu", "2", "B:USR1@90")
    assert re.fullmatch(r"\d+:\d\d:00", array["time"])
    assert re.fullmatch(r"\d+G", array["mem"])
    assert "requeue" in array
    assert "array" not in keys(slurm.job(102))
    assert {"export OMP_NUM_THREADS=2"} <= set(slurm.job(102).splitlines())


def test_time_limits_leave_time_to_stop_and_save() -> None:
    """A share that takes as long as foreseen ends before SLURM's warning, at which it would stop and save."""

    def limit(seconds: float, **options: Any) -> str | None:
        cost = FrameCost(seconds=seconds, start=10.0, memory=2**30, stored=0.0)
        jobs = slurm_jobs._Jobs(Path(), None, None, AnalyzeVideoOptions.of(videos="v", **options), cost)
        return jobs._sized(1000).time

    exact = (600 - 2 * WARNING) / 2.0 / 1000 - 0.01  # ten minutes, twice the warning time among them
    assert limit(exact) == "0:10:00"
    assert limit(exact + 0.001) == "0:20:00"
    assert limit(3.6) == "2:10:00"
    assert limit(3.6, time="5:00") == "5:00"
    assert limit(3.6, set_sbatch="time=9:00") is None


def test_a_frame_costs_its_share_of_the_only_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that a tenth of a second passes on for every frame."""
    now = [0.0]

    class Predictor:
        def __init__(self, analysis: object, crop: None) -> None:
            pass

        def predict(self, batch: FrameBatch) -> list[Prediction]:
            now[0] += 0.1 * len(batch)
            return [Prediction(Instances.empty(1))] * len(batch)

    monkeypatch.setattr(frame_cost, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr("dlcx.analysis.parallel.plan.part_batch_size", lambda analysis, files: 8)
    monkeypatch.setattr(frame_cost, "BatchPredictor", Predictor)
    analysis = SimpleNamespace(crop=None)
    for frames in (5, 8, 12):
        video = SimpleNamespace(video=write_video(tmp_path / f"{frames}.avi", frames), files=None)
        assert frame_cost.measure(analysis, video, 1).seconds == pytest.approx(0.1)


@pytest.mark.parametrize("memory", [2**31, None])
def test_the_longest_video_is_measured(
    memory: int | None, project: Path, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may not tell how much memory that takes; the jobs then get the cluster's default."""
    measured = []

    def note(analysis: object, video: DividedVideo, count: int) -> frame_cost.FrameCost:
        measured.append(video.video.name)
        return frame_cost.FrameCost(0.01, 1.0, memory, 1.0)

    monkeypatch.setattr("dlcx.analysis.parallel.slurm.measure", note)
    paths = [write_video(project / "videos" / f"{frames}.avi", frames) for frames in (3, 40, 20)]
    code, out, err = submit(*paths, "--dry-run")
    assert (code, measured) == (0, ["40.avi"]), err
    assert re.findall(r"^#SBATCH --mem=(.*)$", out, re.MULTILINE) == (["3G"] if memory else [])


@pytest.mark.posix
def test_the_files_do_the_work(
    project: Path, slurm: FakeSlurm, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SLURM runs them, with a dlcx that writes down its calls and fails for one share."""
    path = write_video(project / "videos" / "it's one.avi", 50)
    dlcx = tmp_path / "dlcx"
    dlcx.write_text(
        f'#!/bin/bash\nprintf "%s|" "$@" >> {tmp_path}/said; echo >> {tmp_path}/said\n[[ "$*" != *2/3* ]]\n'
    )
    dlcx.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dlcx))
    code, out, err = submit(path, "--shares=3", "--crop=0,96,0,64", "--no-csv", "--no-relink")
    assert code == 0, err
    codes = []
    for task in range(3):
        script = Path(out.split("jobs: ")[1].strip()) / "shares.sbatch"
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task), "SLURM_JOB_ID": "9"}
        codes.append(subprocess.run(["bash", str(script)], env=environment, timeout=300, check=False).returncode)
    codes.append(subprocess.run(["bash", str(script.with_name("merge.sbatch"))], timeout=300, check=False).returncode)
    assert codes == [0, 1, 0, 0]
    said = [line.split("|")[:-1] for line in (tmp_path / "said").read_text().splitlines()]
    assert [words[:6] for words in said[:3]] == [
        ["-m", "dlcx", "analyze-video", str(path), "--part", f"{number}/3"] for number in (1, 2, 3)
    ]
    flags = dict(zip(said[0][4::2], said[0][5::2], strict=True))
    assert flags["--project"] == str(project)
    assert (flags["--crop"], flags["--batch-size"], flags["--device"]) == ("0,96,0,64", "4", "cpu")
    assert flags["--snapshot"].endswith("snapshot-010.pt")
    assert said[3][:4] == ["-m", "dlcx", "merge-parts", str(path)]
    assert {"--no-csv", "--no-relink"} <= set(said[3])
    assert "--crop" not in said[3]


def test_a_dry_run_prints_the_files_and_writes_nothing(
    project: Path, submit: Submit, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    monkeypatch.setenv("PATH", "/usr/bin/nowhere")  # no SLURM is needed
    code, out, err = submit(path, "--dry-run", "--shares=2", "--gpus=1", "--time=1:00:00", "--mem=9G", "--overwrite")
    assert code == 0, err
    assert [line.rpartition("/")[2] for line in out.splitlines() if line.startswith("# /")] == [
        "shares.tsv",
        "shares.sbatch",
        "merge.sbatch",
    ]
    assert "#SBATCH --gpus-per-node=1" in out
    assert out.count("#SBATCH --gpus-per-node") == 1
    assert "#SBATCH --mem=9G" in out
    assert "--device cuda" in out
    assert "no cuda on this machine to measure the speed on" in err
    assert [file.name for file in path.parent.iterdir()] == ["v.avi"]
    assert slurm.calls == []


def test_the_same_call_again(project: Path, submit: Submit, slurm: FakeSlurm, again: Again) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    assert submit(path, "--shares=3")[0] == 0
    slurm.queue("104 101 RUNNING\n102 102 PENDING\n")
    again(path, part=(1, 3))
    code, out, _ = submit(path, "--shares=3")
    assert code == 0
    assert "already submitted: 101 RUNNING, 102 PENDING" in out
    assert "frames: 12 of 60 done, shares: 1 of 3 done" in out
    assert len([call for call in slurm.calls if call.startswith("sbatch")]) == 2
    slurm.queue("")
    _, out, _ = submit(path, "--shares=3")  # the others were lost on the way
    assert "array: 103" in out
    assert "2/3" in (Path(out.split("jobs: ")[1].strip()) / "shares.tsv").read_text()
    assert keys(slurm.job(103))["array"] == "0-1"
    for number in (2, 3):
        again(path, part=(number, 3))
    _, out, _ = submit(path, "--shares=3")  # only joining is left
    assert "array: " not in out
    assert "merge: 105" in out
    assert run(["merge-parts", str(path), "-p", str(project)]) == 0
    code, out, _ = submit(path, "--shares=3")
    assert code == 0
    assert "already analyzed: nothing to do" in out


def test_the_same_call_with_overwrite_again(project: Path, submit: Submit, slurm: FakeSlurm, again: Again) -> None:
    """It starts over once. Until all is done it prints the progress of the jobs and submits lost ones again."""
    paths = [write_video(project / "videos" / f"{name}.avi", 40) for name in ("v", "w")]
    for path in paths:
        again(path)
    assert "frames: 0 of 80 done" in submit(*paths, "--shares=2", "--overwrite")[1]
    again(paths[0], part=(1, 2))
    slurm.queue("101 101 RUNNING\n102 102 PENDING\n")
    assert "frames: 24 of 80 done, shares: 1 of 4 done" in submit(*paths, "--shares=2", "--overwrite")[1]
    slurm.queue("")
    again(paths[0], part=(2, 2))
    merge = ["merge-parts", *map(str, paths), "-p", str(project), "--overwrite"]
    assert run(merge) == 4  # the other one's shares were lost
    _, out, _ = submit(*paths, "--shares=2", "--overwrite")
    assert "frames: 40 of 80 done, shares: 1 of 3 done" in out
    assert "merge: 104" in out
    for number in (1, 2):
        again(paths[1], part=(number, 2))
    assert run(merge) == 0
    assert run(merge) == 0  # as a job does that went back into the queue
    assert "already analyzed: nothing to do" in submit(*paths, "--shares=2", "--overwrite")[1]
    assert "frames: 0 of 80 done" in submit(*paths, "--shares=2", "--overwrite")[1]


def test_more_shares_than_an_array_takes(
    project: Path, submit: Submit, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_ARRAY", "2")
    path = write_video(project / "videos" / "v.avi", 60)
    _, out, _ = submit(path, "--shares=5")
    assert keys(slurm.job(101))["array"] == "0-1"
    table = (Path(out.split("jobs: ")[1].strip()) / "shares.tsv").read_text().splitlines()
    assert [line.split("\t")[:2] for line in table] == [
        ["0", "1/5"], ["0", "2/5"], ["0", "3/5"], ["1", "4/5"], ["1", "5/5"]
    ]  # fmt: skip


def test_what_slurm_refuses(
    project: Path, submit: Submit, slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    slurm.program("sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1")
    code, out, err = submit(path, "--partition=x")
    assert (code, out) == (3, "")
    assert "error: --cluster slurm: sbatch: invalid partition specified: x" in err
    slurm.program("sbatch", '[[ "$*" != *afterany* ]] && echo 55')
    code, _, err = submit(path)
    assert code == 3
    assert "scancel 55" in slurm.calls  # an array that nobody would join is taken back
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    code, _, err = submit(path)
    assert code == 3
    assert "error: --cluster slurm: scontrol is not on PATH" in err
    tabbed = write_video(project / "videos" / "a\tb.avi", 20)
    assert submit(tabbed, "--dry-run")[0] == 3


def test_json(project: Path, submit: Submit) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    code, out, _ = submit(path, "--json", "--time=60", "--mem=1G", "--shares=1")
    found = json.loads(out)
    assert code == 0
    assert (found["array"], found["merge"], found["frames"], found["cost"]) == (101, 102, 20, None)
