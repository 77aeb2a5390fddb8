"""A training as a job of SLURM: the file that sbatch gets, a call that is said again, and the job itself."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from cluster.fake_slurm import FakeSlurm, fake_slurm
from cluster.real_slurm import RealSlurm
from test_train import copy, place_of, result_of, same

from dlcx.cli.app import run
from dlcx.workflow.train import train

pytestmark = pytest.mark.posix


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    return fake_slurm(tmp_path / "bin", monkeypatch)


def keys(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", text, re.MULTILINE))


def test_nodes_with_gpus_train_together(tiny, capsys):
    words = ["--cluster", "slurm", "--dry-run", "--nodes", "2", "--gpus", "4", "--cpus", "6", "--set-sbatch", "qos=a b"]
    assert run(["train", "-p", str(tiny), "--epochs", "9", *words, "--set", "data.colormode=RGB"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found = keys(out)
    assert (found["nodes"], found["ntasks-per-node"], found["gpus-per-node"], found["cpus-per-task"]) == tuple("2446")
    assert found["qos"] == '"a b"'
    command = out[out.index("run srun") :]
    assert " -m dlcx train " in command
    assert f" --project {tiny} " in command
    assert "--epochs 9" in command
    assert "--device cuda" in command
    assert "--set data.colormode=RGB" in command
    assert not any(word in command for word in ("--nodes", "--gpus", "--cluster", "--devices"))
    assert not (place_of(tiny).train_dir / "slurm").exists()


def test_one_process_needs_no_srun_and_a_job_is_submitted_once(tiny, slurm, capsys):
    words = ["--cluster", "slurm", "--resume", "none", "--overwrite", "--time", "60"]
    assert run(["train", "-p", str(tiny), *words]) == 0
    out, _ = capsys.readouterr()
    folder = place_of(tiny).train_dir / "slurm"
    assert "job: 101" in out
    assert f"log: {folder / 'train.log'}" in out
    text = slurm.job(101)
    assert "run srun" not in text
    assert all(words in text for words in (" --resume none ", " --overwrite ", " --quiet\n"))
    slurm.queue("101 101 RUNNING\n")
    assert run(["train", "-p", str(tiny), *words]) == 0
    assert "already submitted: 101 RUNNING" in capsys.readouterr().out
    slurm.queue("")
    assert run(["train", "-p", str(tiny), *words]) == 0
    assert "job: 102" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cluster", "dask=tcp://a:1"], "--cluster dask=tcp://a:1: expected slurm"),
        (["--nodes", "2"], "--nodes is for --cluster slurm"),
        (["--partition", "gpu"], "--partition is for --cluster slurm"),
        (["--cluster", "slurm", "--set", "train_settings.epoch=3"], "epoch"),
        (["--cluster", "slurm", "--shuffle", "4"], "pytorch_config.yaml"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_submitted(tiny, slurm, capsys, words, message):
    assert run(["train", "-p", str(tiny), *words]) == 3
    assert message in capsys.readouterr().err.splitlines()[0]
    assert slurm.calls == []


@pytest.mark.slurm
def test_a_job_of_two_processes_that_is_warned_goes_on_in_the_queue(tiny, monkeypatch):
    """A requeued start-over resumes the new training, not the one before, and does not start over again."""
    straight = copy(tiny, "straight")
    train(straight, epochs=60, devices=2)
    train(tiny, epochs=2, seed=5)
    over = {"seed": 1, "resume": "none", "overwrite": True}
    place = place_of(tiny)
    with RealSlurm(cpus=2) as slurm:
        for name, value in slurm.environment.items():
            monkeypatch.setenv(name, value)
        found = train(tiny, epochs=60, device="cpu", devices=2, cluster="slurm", cpus=1, **over)
        until = time.monotonic() + 120
        while not (place.train_log_path.is_file() and "Epoch 3/" in place.train_log_path.read_text()):
            assert time.monotonic() < until, found.log.read_text() if found.log.is_file() else slurm.states()
            time.sleep(0.2)
        slurm.call("scancel", "--signal=USR1", "--batch", str(found.job))
        slurm.until_empty()
    log = found.log.read_text()
    assert log.count("error: stopped by SIGUSR1 in epoch") == 1, log
    assert "trained: tinyJan2-trainset80shuffle1, 60 epochs" in log
    results = [result_of(root) for root in (straight, tiny)]
    assert [state.pop("job") for state, _, _ in results] == ["", f"slurm:dlcx:{found.job}"]
    for mine, other in zip(*results, strict=True):
        assert same(mine, other)
