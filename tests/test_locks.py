"""One process on one output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from dlcx import locks
from dlcx.errors import DlcxError
from dlcx.locks import Holder, locked


def leave(path: Path, holder: Holder, *, age: float = 0) -> None:
    """A lock as a process that was killed leaves it."""
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_second_says_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "v.lock"
    with locked(path, "the analysis of v.avi"):
        with (
            pytest.raises(DlcxError, match=rf"v.avi is held by process {os.getpid()} on \S+ since \d{{4}}-") as refused,
            locked(path, "the analysis of v.avi"),
        ):
            pass
        assert str(path) in refused.value.hint
        assert refused.value.exit_code == 3
        assert list(path.parent.iterdir()) == [path]
    assert not path.parent.exists()
    with locked(path, "v"):
        pass


def test_a_folder_that_another_process_has_just_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who lets a lock go removes the folder that it made for it, perhaps just before the next one writes into it."""
    path, tried, acquire = tmp_path / "new" / "v.lock", [], locks._acquire

    def beside_another(*arguments: Any, **more: Any) -> None:
        if not tried:
            path.parent.rmdir()
        tried.append(path.parent.exists())
        acquire(*arguments, **more)

    monkeypatch.setattr(locks, "_acquire", beside_another)
    with locked(path, "v"):
        assert list(path.parent.iterdir()) == [path]
    assert tried == [False, True]


@pytest.mark.parametrize("reason", ["ended", "another process has its number"])
def test_a_dead_process_of_this_host_holds_nothing(
    tmp_path: Path, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "v.lock"
    me = Holder.current()
    leave(path, replace(me, pid=ended()) if reason == "ended" else replace(me, born=me.born + 1))
    with locked(path, "v.avi") as lock:
        lock.check()
    assert "which has ended: taken over" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_folders_that_nothing_was_written_to_go_with_the_lock(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(DlcxError, match="cannot"), locked(tmp_path / "there" / "new" / "deep" / "v.lock", "v"):
        raise DlcxError("cannot")
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]
    with locked(tmp_path / "out" / "v.lock", "v"):
        (tmp_path / "out" / "result").write_text("kept")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result"]


def test_another_host_holds_it_as_long_as_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "v.lock"
    far = replace(Holder.current(), host="node7", place="node7", pid=ended())
    leave(path, far, age=locks.STALE / 2)
    with pytest.raises(DlcxError, match="on node7"), locked(path, "v.avi"):
        pass
    leave(path, far, age=locks.STALE + 5)
    with locked(path, "v.avi"):
        assert "node7" not in path.read_text()


def test_a_patient_process_waits_for_a_sign_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one whose process cannot be seen, which touches its lock the third time that it is looked at."""
    path = tmp_path / "v.lock"
    far = replace(Holder.current(), host="node7", place="node7", pid=ended())
    waited: list[float] = []

    def later(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            stamp = path.stat().st_mtime + 5
            os.utime(path, (stamp, stamp))

    monkeypatch.setattr(locks.time, "sleep", later)
    leave(path, far, age=locks.STALE / 2)
    with pytest.raises(DlcxError, match="on node7"), locked(path, "v.avi", patient=True):
        pass
    assert waited == [locks.POLL] * 3
    waited.clear()
    leave(path, replace(Holder.current(), host="node7"))  # one of this host, which is seen to live: no waiting
    with pytest.raises(DlcxError, match="on node7"), locked(path, "v.avi", patient=True):
        pass
    assert not waited


def test_a_patient_process_takes_over_from_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.lock"
    far = replace(Holder.current(), host="node7", place="node7", pid=ended())
    stale = iter([False, False, False, True, True, True])
    monkeypatch.setattr(locks, "_is_stale", lambda *_: next(stale))
    monkeypatch.setattr(locks.time, "sleep", lambda _: None)
    leave(path, far)
    with locked(path, "v.avi", patient=True):
        assert "node7" not in path.read_text()


def test_it_says_so_every_few_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "HEARTBEAT", 0.01)
    path = tmp_path / "v.lock"
    touched = threading.Event()
    monkeypatch.setattr(locks.os, "utime", lambda *args: touched.set())
    with locked(path, "v.avi"):
        assert touched.wait(10)


def test_who_was_taken_for_dead_notices(tmp_path: Path) -> None:
    path = tmp_path / "v.lock"
    with locked(path, "v.avi") as lock:
        other = replace(Holder.current(), host="node7", place="node7", token="x")
        leave(path, other)
        with pytest.raises(DlcxError, match=r"was taken over by process .* on node7"):
            lock.check()
    assert path.exists()  # it is the other one's


def test_of_many_at_a_stale_lock_one_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "v.lock"
    leave(path, replace(Holder.current(), pid=ended()))
    together, got, refused = threading.Barrier(8), [], []
    leave_go = threading.Event()

    def ask() -> None:
        together.wait()
        try:
            with locked(path, "v.avi"):
                got.append(1)
                leave_go.wait(10)
        except DlcxError:
            refused.append(1)
            if len(refused) == 7:
                leave_go.set()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 7)
    assert list(tmp_path.iterdir()) == []


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*args: object) -> None:
        raise PermissionError("no hard links here")

    monkeypatch.setattr(locks.os, "link", no_links)
    path = tmp_path / "v.lock"
    with locked(path, "v.avi"), pytest.raises(DlcxError, match="held by process"), locked(path, "v.avi"):
        pass
    assert list(tmp_path.iterdir()) == []
