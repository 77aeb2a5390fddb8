"""What a process does with its memory and its idle threads."""

import json
import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from dlcx.engines.cpu_memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(4, 64, 240, 320)  # 79 MB, the first layer's result of four frames
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory(torch.device("{device}"))
told = [faults() for _ in range(24)]
print(sum(told[16:]))
"""


def told(code: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_large_results_do_not_fetch_their_pages_anew():
    given_back, kept = (int(told(FAULTS.format(device=device), dict(os.environ))) for device in ("cuda", "cpu"))
    assert given_back > 100
    assert kept < 10


@pytest.mark.parametrize(("given", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_commands_let_idle_threads_sleep_soon_unless_the_user_says_otherwise(given, expected):
    code = (
        "import json, os, sys, dlcx.workflow; print(json.dumps([os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules]))"
    )
    kept = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    assert json.loads(told(code, kept | given)) == [expected, False]
