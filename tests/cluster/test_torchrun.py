"""Processes of one call: they know of each other, and their end is that of the call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlcx.cluster.torchrun import launch
from dlcx.errors import AlreadyReported, DlcxError, LostProcess, Stopped

pytestmark = pytest.mark.posix

RANK = "import os, sys, time; rank = int(os.environ['RANK'])\n"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", RANK + code]


def test_each_knows_its_number_and_the_first_one_is_heard(tmp_path):
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")
    code = f"""
import json
told = json.dumps({{name: os.environ[name] for name in {names}}})
open({str(tmp_path)!r} + f"/{{rank}}.json", "w").write(told)
print(told)
"""
    first = json.loads(launch(python(code), 3))
    told = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(3)]
    assert first == told[0]
    assert [one["RANK"] for one in told] == [one["LOCAL_RANK"] for one in told] == ["0", "1", "2"]
    assert {one["WORLD_SIZE"] for one in told} == {"3"}
    assert len({(one["MASTER_ADDR"], one["MASTER_PORT"]) for one in told}) == 1


def test_an_exit_code_is_the_call_s_and_those_that_only_lost_others_are_not_asked(capfd):
    code = f"sys.exit({LostProcess.code}) if rank == 0 else sys.exit('no space left')"
    with pytest.raises(AlreadyReported) as caught:
        launch(python(code), 2)
    assert caught.value.exit_code == 1
    assert capfd.readouterr().err == "no space left\n"
    with pytest.raises(DlcxError, match="2 processes lost contact with each other"):
        launch(python(f"sys.exit({LostProcess.code})"), 2)


def test_one_that_is_killed_is_named_and_the_others_are_ended(monkeypatch, tmp_path):
    monkeypatch.setattr("dlcx.cluster.torchrun.GRACE", 0.2)
    code = f"""
open({str(tmp_path)!r} + f"/{{rank}}", "w").write(str(os.getpid()))
os.kill(os.getpid(), 9) if rank == 1 else time.sleep(600)
"""
    with pytest.raises(DlcxError, match="process 2 of 3 was killed by SIGKILL") as caught:
        launch(python(code), 3)
    assert caught.value.exit_code == 3
    assert caught.value.hint.startswith("Run the same command again to resume from the last saved state")
    for rank in (tmp_path / name for name in "012"):
        if rank.exists():  # it may have been ended before it came to that
            with pytest.raises(ProcessLookupError):
                os.kill(int(rank.read_text() or 2**22 + 1), 0)


def _starter(folder: Path, workers: str) -> subprocess.Popen:
    code = f"""
import sys
from dlcx.cluster.torchrun import launch
from dlcx.errors import DlcxError
try:
    launch([sys.executable, "-c", {RANK + workers!r}], 2)
except DlcxError as error:
    print(type(error).__name__, error.exit_code)
"""
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=folder)
    until = time.monotonic() + 60
    while not all((folder / f"ready{rank}").exists() for rank in range(2)) and time.monotonic() < until:
        time.sleep(0.02)
    return started


SAVES = """
import signal
def save(number, _):
    time.sleep(0.2)
    open(f"saved{rank}", "w").write(signal.Signals(number).name)
    sys.exit(75)
signal.signal(signal.SIGUSR1, save)
signal.signal(signal.SIGTERM, save)
open(f"ready{rank}", "w").close()
while True:
    time.sleep(0.1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_reaches_all_and_they_may_save(tmp_path, number):
    started = _starter(tmp_path, SAVES)
    started.send_signal(number)
    out, _ = started.communicate(timeout=300)
    assert out.split() == ["AlreadyReported", "75"]
    assert [(tmp_path / f"saved{rank}").read_text() for rank in range(2)] == [number.name] * 2


def test_a_signal_before_they_listen_is_a_stop_as_well(tmp_path):
    started = _starter(tmp_path, "open(f'ready{rank}', 'w').close()\ntime.sleep(600)")
    started.send_signal(signal.SIGTERM)
    out, _ = started.communicate(timeout=300)
    assert out.split() == ["Stopped", str(Stopped.exit_code)]


def test_they_end_with_their_starter(tmp_path):
    watching = "from dlcx.distributed_environment import stop_with_parent\nstop_with_parent()\n"
    started = _starter(tmp_path, watching + SAVES)
    started.kill()
    started.communicate(timeout=300)
    until = time.monotonic() + 60
    saved = [tmp_path / f"saved{rank}" for rank in range(2)]
    while not all(path.exists() and path.read_text() for path in saved) and time.monotonic() < until:
        time.sleep(0.02)
    assert [path.read_text() for path in saved] == ["SIGTERM"] * 2
