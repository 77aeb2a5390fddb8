"""The environment tells which process of several this one is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dlcx.distributed_environment import SUPERVISED, is_distributed, is_main_process, is_supervised


@pytest.mark.parametrize(
    ("size", "rank", "distributed", "main"),
    [
        (None, None, False, True),
        ("1", "0", False, True),
        ("2", None, False, True),
        ("2", "0", True, True),
        ("2", "1", True, False),
    ],
)
def test_rank_and_size(
    monkeypatch: pytest.MonkeyPatch, size: str | None, rank: str | None, distributed: bool, main: bool
) -> None:
    for name, value in (("WORLD_SIZE", size), ("RANK", rank)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert (is_distributed(), is_main_process()) == (distributed, main)


def test_supervised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SUPERVISED, raising=False)
    assert not is_supervised()
    monkeypatch.setenv(SUPERVISED, "1")
    assert is_supervised()


def test_the_process_is_stopped_when_its_standard_input_closes() -> None:
    code = """
import signal, sys, time
from dlcx.distributed_environment import stop_with_parent
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
stop_with_parent()
print("ready", flush=True)
while True: time.sleep(0.01)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "ready\n"
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(60) == 75
