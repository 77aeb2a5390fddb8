"""What systems lack has an answer on each: nothing that Linux alone has is used without looking.

The last test runs a whole command after what Windows lacks has been taken away (``like_windows.py``).
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlcx import locks, operating_system, outputs
from dlcx.engines import cpu_memory
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.stopping import stop_on_signals
from dlcx.workflow.add_videos import add_videos

HELPER = Path(__file__).with_name("like_windows.py")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The module sees an ``os`` of Windows."""
    seen = SimpleNamespace(name="nt", cpu_count=lambda: 6)
    monkeypatch.setattr(operating_system, "os", seen)
    return seen


def refuse(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def missing(*_arguments: object, **_options: object) -> None:
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def test_cores_are_those_of_this_process_where_the_system_restricts_it(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 6}, raising=False)
    assert operating_system.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert operating_system.usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert operating_system.usable_cores() == 1


def test_peak_memory_is_in_bytes_and_unknown_without_getrusage(monkeypatch):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=3000))
    monkeypatch.setitem(sys.modules, "resource", usage)
    monkeypatch.setattr(sys, "platform", "linux")
    assert operating_system.peak_memory() == 3000 * 1024
    monkeypatch.setattr(sys, "platform", "darwin")
    assert operating_system.peak_memory() == 3000
    monkeypatch.setitem(sys.modules, "resource", None)
    assert operating_system.peak_memory() is None


@pytest.mark.usefixtures("windows")
def test_on_windows_this_process_hears_its_own_request_to_stop():
    with stop_on_signals() as stop:
        operating_system.ask_this_process_to_stop()
        until = time.monotonic() + 60
        while not stop and time.monotonic() < until:
            time.sleep(0.001)
    assert stop.signal == "SIGTERM"


@pytest.mark.usefixtures("windows")
def test_on_windows_children_are_asked_to_stop_by_the_end_of_their_input():
    code = "import sys; print('here', flush=True); sys.stdin.read(); sys.exit(75)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        operating_system.pass_on(child, signal.SIGINT)
        assert not child.stdin.closed
        operating_system.pass_on(child, signal.SIGTERM)
        assert child.wait(60) == 75


def test_elsewhere_children_get_the_signal():
    got: list[int] = []
    operating_system.pass_on(SimpleNamespace(send_signal=got.append, stdin=None), signal.SIGINT)
    assert got == [signal.SIGINT]


def test_on_windows_pipes_take_every_letter(windows, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="cp1252", newline=""))
    operating_system.write_utf8_to_pipes()
    print("Žofie µm", end="", flush=True)
    assert raw.getvalue() == "Žofie µm".encode()
    windows.name = "posix"
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1", newline=""))
    operating_system.write_utf8_to_pipes()
    print("µm", end="", flush=True)
    assert raw.getvalue() == "µm".encode("latin-1")


def test_without_sigusr1_sigterm_alone_asks_to_stop(monkeypatch):
    monkeypatch.delattr(signal, "SIGUSR1")
    with stop_on_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
    assert stop.signal == "SIGTERM"


def test_without_proc_a_lock_s_process_is_known_by_its_number(monkeypatch):
    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(os, "readlink", missing)
    outputs.process_namespace.cache_clear()
    me = locks.Holder.current()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert me.born == 0
    assert me.has_ended is False
    assert replace(me, pid=ended.pid).has_ended is True
    assert outputs._is_running(os.getpid())
    assert not outputs._is_running(ended.pid)
    outputs.process_namespace.cache_clear()


def test_on_windows_a_lock_s_process_cannot_be_seen_so_its_age_decides(monkeypatch):
    """There ``os.kill`` would end the process that it is meant to look for."""
    seen = SimpleNamespace(name="nt", getpid=os.getpid)
    me = locks.Holder.current()
    monkeypatch.setattr(locks, "os", seen)
    monkeypatch.setattr(outputs, "os", seen)
    assert me.has_ended is None
    assert outputs._is_running(2**22 + 1)


def test_without_hard_links_one_process_alone_makes_the_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "link", refuse)
    with locks.locked(tmp_path / "lock", "a file") as lock:
        assert lock.is_held
        with pytest.raises(locks.DlcxError, match="a file is held by process"), locks.locked(lock.path, "a file"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_without_posix_fallocate_room_is_reserved_by_writing(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    outputs.reserve(tmp_path / "file", 5000)
    assert (tmp_path / "file").read_bytes() == bytes(5000)


def test_folders_that_cannot_be_opened_are_not_synced(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "open", refuse)
    outputs.sync_folder(tmp_path)
    outputs.write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


@pytest.mark.parametrize("error", [TypeError, OSError, AttributeError])
def test_without_glibc_memory_is_left_as_it_is(error, monkeypatch):
    def load(name: None) -> None:
        asked.append(name)
        raise error

    asked: list[None] = []
    monkeypatch.setattr(cpu_memory.ctypes, "CDLL", load)
    cpu_memory._keep_freed_memory.__wrapped__()
    assert asked == [None]


def test_videos_are_copied_where_links_are_not_allowed(project, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(os, "symlink", refuse)
    video = shutil.copy(Path(outputs.__file__).parent / "data" / "samples" / "h264.mp4", tmp_path / "new.mp4")
    add_videos(project, [video])
    added = project / "videos" / "new.mp4"
    assert not added.is_symlink()
    assert added.read_bytes() == Path(video).read_bytes()
    assert "new.mp4 is copied, for links cannot be made here: Operation not permitted" in caplog.text


def test_a_video_is_analyzed_without_what_windows_lacks(trained_project):
    sample = Path(outputs.__file__).parent / "data" / "samples" / "h264.mp4"
    (trained_project / "videos").mkdir(exist_ok=True)
    video = Path(shutil.copy(sample, trained_project / "videos" / "new.mp4"))
    call = ["analyze-video", str(video), "-p", str(trained_project), "--progress", "none"]
    done = subprocess.run([sys.executable, HELPER, *call], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = video.parent.glob("new*_snapshot_10.h5")
    assert len(read_predictions(made).xy) == 12
