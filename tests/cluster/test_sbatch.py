"""Files for sbatch, run by bash as SLURM would, and what sbatch answers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cluster.fake_slurm import FakeSlurm, fake_slurm

from dlcx.cluster import sbatch
from dlcx.cluster.sbatch import OwnJob, in_queue, job_file, own_job, setting, submit
from dlcx.errors import DlcxError
from dlcx.options.cluster import JobOptions

pytestmark = pytest.mark.posix

BLANK = JobOptions()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    return fake_slurm(tmp_path / "bin", monkeypatch)


def keys(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, re.MULTILINE))


def test_a_file_asks_for_what_the_call_asks_for() -> None:
    options = JobOptions.of(
        partition="gpu",
        time="1-12",
        gpus=2,
        cpus=8,
        mem="16G",
        set_sbatch=["account=lab", "exclusive", "comment=two words"],
    )
    text = job_file("dlcx", options, "run true", log=Path("/logs/%A_%a.log"), array="0-3%2")
    assert text.startswith("#!/bin/bash\n#SBATCH")
    assert keys(text) == {
        "job-name": "dlcx",
        "output": "/logs/%A_%a.log",
        "open-mode": "append",
        "requeue": "",
        "signal": "B:USR1@90",
        "array": "0-3%2",
        "partition": "gpu",
        "time": "1-12",
        "gpus-per-node": "2",
        "cpus-per-task": "8",
        "mem": "16G",
        "account": "lab",
        "exclusive": "",
        "comment": '"two words"',
    }


def test_what_the_user_sets_goes_first() -> None:
    options = JobOptions.of(set_sbatch=["--signal=B:USR1@300", "no-requeue", "job-name=mine"])
    found = keys(job_file("dlcx", options, "", log=Path("log")))
    assert found["signal"] == "B:USR1@300"
    assert found["job-name"] == "mine"
    assert "requeue" not in found
    assert found["no-requeue"] == ""


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"time": "soon"}, "--time 'soon': expected e.g. 90"),
        ({"mem": "8 GB"}, "--mem '8 GB': expected e.g. 8G"),
        ({"partition": "a b"}, "--partition 'a b'"),
        ({"set_sbatch": "array=0-3"}, "--set-sbatch array: dlcx sets this option"),
        ({"set_sbatch": "=x"}, "expected KEY=VALUE"),
        ({"set_sbatch": "Key=x"}, "expected KEY=VALUE"),
    ],
)
def test_options_that_sbatch_would_refuse(options: dict, word: str) -> None:
    with pytest.raises(DlcxError, match=re.escape(word)):
        JobOptions.of(**options)


def test_the_job_that_a_process_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOB_ID", "CLUSTER_NAME", "RESTART_COUNT"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    assert own_job() == OwnJob()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_CLUSTER_NAME", "lab")
    assert own_job() == OwnJob("slurm:lab:7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    assert own_job() == OwnJob("slurm:lab:7", again=True)


class TestShell:
    """The file's own lines, under bash."""

    def start(self, folder: Path, commands: str, **environment: str) -> subprocess.Popen[str]:
        path = folder / "job.sh"
        path.write_text(job_file("dlcx", BLANK, commands, log=Path("log")), encoding="utf-8")
        environment = {**os.environ, "SLURM_JOB_ID": "7", **environment}
        return subprocess.Popen(["bash", str(path)], env=environment, text=True, stdout=subprocess.PIPE)

    def test_all_that_is_run_succeeds(self, slurm: FakeSlurm, tmp_path: Path) -> None:
        job = self.start(tmp_path, "run echo one\nrun echo two")
        assert job.communicate(timeout=120)[0] == "one\ntwo\n"
        assert job.returncode == 0
        assert slurm.calls == []

    def test_the_first_failure_ends_the_job_but_failed_frames_do_not(self, slurm: FakeSlurm, tmp_path: Path) -> None:
        job = self.start(tmp_path, "run bash -c 'exit 4'\nrun echo on\nrun bash -c 'exit 3'\nrun echo never")
        assert job.communicate(timeout=120)[0] == "on\n"
        assert job.returncode == 3
        job = self.start(tmp_path, "run bash -c 'exit 4'\nrun echo on")
        assert job.communicate(timeout=120)[0] == "on\n"
        assert job.returncode == 4
        assert slurm.calls == []

    @pytest.mark.parametrize(
        ("kind", "environment", "calls"),
        [
            (signal.SIGUSR1, {}, ["scontrol requeue 7"]),
            (signal.SIGUSR1, {"SLURM_ARRAY_JOB_ID": "6", "SLURM_ARRAY_TASK_ID": "3"}, ["scontrol requeue 6_3"]),
            (signal.SIGUSR1, {"SLURM_RESTART_COUNT": str(sbatch.RESTARTS)}, []),
            (signal.SIGTERM, {}, []),
        ],
    )
    @pytest.mark.parametrize("python", ["signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))", ""])
    def test_a_signal_reaches_what_runs(
        self,
        slurm: FakeSlurm,
        tmp_path: Path,
        kind: signal.Signals,
        environment: dict[str, str],
        calls: list[str],
        python: str,
    ) -> None:
        """It stops with 75, or is killed by the signal before it could listen; either way it goes on later."""
        ready = tmp_path / "ready"
        (tmp_path / "work.py").write_text(
            f"import signal, sys, time, pathlib\n{python}\npathlib.Path({str(ready)!r}).touch()\ntime.sleep(60)\n",
            encoding="utf-8",
        )
        job = self.start(tmp_path, f"run python3 {tmp_path / 'work.py'}\nrun echo never", **environment)
        while not ready.exists():
            time.sleep(0.02)
        job.send_signal(kind)
        assert job.communicate(timeout=120)[0] == ""
        assert job.returncode == 75
        assert slurm.calls == calls

    def test_a_signal_that_work_survives_changes_nothing(self, slurm: FakeSlurm, tmp_path: Path) -> None:
        ready = tmp_path / "ready"
        work = f"trap : USR1; touch {ready}; while [ ! -e {tmp_path / 'go'} ]; do sleep 0.05; done; echo done"
        job = self.start(tmp_path, f'run bash -c "{work}"')
        while not ready.exists():
            time.sleep(0.02)
        job.send_signal(signal.SIGUSR1)
        (tmp_path / "go").touch()
        assert job.communicate(timeout=120)[0] == "done\n"
        assert job.returncode == 0


def test_submitting(slurm: FakeSlurm, tmp_path: Path) -> None:
    path = tmp_path / "job.sbatch"
    path.write_text("#!/bin/bash\n", encoding="utf-8")
    assert submit(path) == 101
    assert submit(path, after=101) == 102
    assert slurm.calls == [f"sbatch --parsable {path}", f"sbatch --parsable --dependency=afterany:101 {path}"]
    slurm.program("sbatch", "echo '77;mycluster'")
    assert submit(path) == 77


def test_what_the_queue_holds(slurm: FakeSlurm) -> None:
    slurm.queue("105 101 PENDING\n106 101 RUNNING\n101 101 PENDING\n102 102 PENDING\n9 9 RUNNING\n")
    assert in_queue([101, 102, 103]) == {101: "RUNNING", 102: "PENDING"}
    assert in_queue([]) == {}
    assert setting("MaxArraySize") == "1001"
    assert setting("NoSuchThing") is None


def test_sbatch_says_no(slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slurm.program("sbatch", "echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1")
    with pytest.raises(DlcxError, match=r"--cluster slurm: sbatch: invalid partition specified: gpu"):
        submit(tmp_path / "job")
    slurm.program("sbatch", "echo hello")
    with pytest.raises(DlcxError, match="expected the number of a job, got 'hello'"):
        submit(tmp_path / "job")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(DlcxError, match="sbatch is not on PATH"):
        submit(tmp_path / "job")
