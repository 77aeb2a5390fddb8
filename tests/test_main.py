"""Standard streams that the caller closed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.posix


def _exit_code(call: str, folder: Path) -> int:
    program = f"{sys.executable} -m dlcx {call}"
    return subprocess.run(["bash", "-c", program], cwd=folder, check=False, capture_output=True).returncode


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_leave_the_exit_code_as_it_is(closed, tmp_path):
    assert _exit_code(f"list-models {closed}", tmp_path) == 0
    assert _exit_code(f"status -p nowhere {closed}", tmp_path) == 3
    assert _exit_code(f"list-models --no-such-flag {closed}", tmp_path) == 2


def test_files_do_not_take_the_place_of_a_closed_stream(tmp_path):
    code = (
        "import sys, os; from dlcx.__main__ import open_closed_streams; open_closed_streams(); "
        "file = open('data', 'wb'); print('a result'); os.write(2, b'from a library'); sys.stderr.write('a warning'); "
        "file.write(bytes([file.fileno()])); file.close()"
    )
    done = subprocess.run(["bash", "-c", f'{sys.executable} -c "{code}" >&- 2>&- <&-'], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert (tmp_path / "data").read_bytes() == b"\x03"


def test_charts_need_no_backend_and_opencv_prints_nothing(tmp_path):
    """The messages of OpenCV name no file; a backend of the caller's environment need not exist."""
    code = (
        "import sys; sys.argv = ['dlcx', 'analyze-images', 'cut.png', '-p', 'P']\n"
        "import dlcx.cli.app as app\n"
        "def run(words):\n"
        "    import cv2, numpy, matplotlib\n"
        "    print(matplotlib.get_backend().lower(), cv2.imdecode(numpy.fromfile('cut.png', numpy.uint8), 1))\n"
        "    return 0\n"
        "app.run = run\n"
        "import dlcx.__main__; dlcx.__main__.main()\n"
    )
    import cv2
    import numpy as np

    noise = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)
    (tmp_path / "cut.png").write_bytes(cv2.imencode(".png", noise)[1].tobytes()[:5000])
    environment = {**os.environ, "MPLBACKEND": "paper"}
    environment.pop("OPENCV_LOG_LEVEL", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "agg None\n"
    assert done.stderr == ""
