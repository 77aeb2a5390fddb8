"""How progress is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from dlcx.cli import progress_display as module
from dlcx.cli.app import run
from dlcx.cli.progress_display import Style, duration, progress_display, shortened

pty = pytest.importorskip("pty")  # Windows has none

pytestmark = pytest.mark.posix


class _Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_lines_of_a_log_become_rare(clock, capsys):
    printed = []
    with progress_display(Style.LINES).task("train", total=3600, unit="epoch") as task:
        for _ in range(3600):
            clock.now += 1
            task.advance()
            if capsys.readouterr().err:
                printed.append(clock.now - 100)
    assert printed[:5] == [5, 10, 20, 40, 80]
    assert {later - earlier for earlier, later in pairwise(printed[4:])} == {60}
    assert capsys.readouterr().err == "train: 3600/3600 epochs, 1.0 epochs/s\n"


def test_a_line_tells_rate_time_left_and_note(clock, capsys):
    with progress_display(Style.LINES).task("train", total=300, unit="epoch", done=100) as task:
        clock.now += 200
        task.advance(50, note="loss 0.1")
        assert capsys.readouterr().err == "train: 150/300 epochs, 4.0 s/epoch, 10 min 0 s left, loss 0.1\n"
        clock.now += 0.1
        task.advance()
        assert capsys.readouterr().err == ""


def test_more_units_than_announced_are_no_more_than_all(clock, capsys):
    with progress_display(Style.LINES).task("read", total=10, unit="frame") as task:
        clock.now += 12
        task.advance(12)
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == ["read: 12/12 frames"] * 2


def test_json_lines_are_complete_objects(clock, capsys):
    with progress_display(Style.JSON).task("analyze a.mp4", total=100, unit="frame", done=20) as task:
        for _ in range(40):
            clock.now += 0.5
            task.advance(1, note="x")
    states = [json.loads(line)["progress"] for line in capsys.readouterr().err.splitlines()]
    assert len(states) == 1 + 20 + 1
    assert states[0] == {
        "task": "analyze a.mp4",
        "done": 20,
        "total": 100,
        "unit": "frame",
        "per_second": 0.0,
        "seconds_left": None,
        "note": "",
    }
    assert states[1] | {"done": 22, "per_second": 2.0, "seconds_left": 39.0, "note": "x"} == states[1]
    assert states[-1]["done"] == 60


def test_reports_are_lines_or_objects_with_their_numbers(clock, capsys):
    numbers = {"epoch": 10, "metrics/test.rmse": 4.5, "metrics/test.mAP": float("nan")}
    for style in (Style.LINES, Style.BAR):
        with progress_display(style).task("train", total=100, unit="image") as task:
            task.report("epoch 10/20: test error 4.50 px", numbers)
        assert "train: epoch 10/20: test error 4.50 px\n" in capsys.readouterr().err
    with progress_display(Style.JSON).task("train", total=100, unit="image") as task:
        task.report("epoch 10/20: test error 4.50 px", numbers)
    assert json.loads(capsys.readouterr().err.splitlines()[1]) == {
        "report": {
            "task": "train",
            "text": "epoch 10/20: test error 4.50 px",
            "numbers": {"epoch": 10, "metrics/test.rmse": 4.5, "metrics/test.mAP": None},
        }
    }


def test_every_style_can_be_asked_for(tmp_path, capsys):
    assert run(["demo", str(tmp_path / "a"), "--progress", "json"]) == 0
    assert all("progress" in json.loads(line) for line in capsys.readouterr().err.splitlines() if line[0] == "{")
    assert run(["demo", str(tmp_path / "b"), "--progress", "none"]) == 0
    assert "frames" not in capsys.readouterr().err
    assert run(["demo", str(tmp_path / "c"), "--progress", "json", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert run(["demo", str(tmp_path / "d"), "--progress", "loud"]) == 2


def test_another_process_shows_progress_the_same_way():
    flags = {style: progress_display(style).flags for style in Style if style is not Style.AUTO}
    assert flags == {
        Style.BAR: ("--progress", "bar"),
        Style.LINES: ("--progress", "lines"),
        Style.JSON: ("--progress", "json"),
        Style.NONE: ("--quiet",),
    }


def test_a_bar_on_a_terminal_ends_at_all_of_it():
    code = (
        "from dlcx.cli.progress_display import Style, progress_display\n"
        "with progress_display(Style.AUTO).task('read', total=10, unit='frame') as task:\n"
        "    for _ in range(12): task.advance()\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while process.poll() is None or shown[-1:] != b"\n":
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"12/12" in shown
    assert b"12/10" not in shown


@pytest.mark.parametrize(("seconds", "text"), [(4.2, "4 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "max_length", "short"),
    [("analyze a.mp4", 20, "analyze a.mp4"), ("analyze a_long_name.mp4", 16, "analyze…name.mp4")],
)
def test_long_titles_keep_both_ends(text, max_length, short):
    assert shortened(text, max_length) == short
    assert len(short) <= max_length
