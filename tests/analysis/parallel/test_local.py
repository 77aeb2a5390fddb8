"""Videos that several workers analyze: what is cut, done, joined, and refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx.analysis.parallel import local
from dlcx.analysis.parallel.local import process_environments
from dlcx.analysis.parallel.plan import threads_per_process
from dlcx.analysis.parallel.worker import JoinTask, PartTask
from dlcx.analysis.result import AnalyzedVideo
from dlcx.cli.app import run
from dlcx.cluster.worker_pool import FailedTask
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.predictors import temporal
from dlcx.progress import Progress, Task
from dlcx.workflow.analyze_video import AnalyzeVideoResult, analyze_video

Again = Callable[..., AnalyzedVideo]


class Inline:
    """Workers that run every task in this process when its result is asked for; the last one comes first."""

    made: list[PartTask | JoinTask]
    forget: Callable[[], None]
    fails: Callable[[PartTask | JoinTask], bool]

    def __init__(
        self, work: Callable[..., Any], *, environments: list[dict[str, str]], on_progress: Any, stop: Any
    ) -> None:
        self.work, self.size, self.on_progress = work, len(environments), on_progress
        self.waiting: list[tuple[int, PartTask | JoinTask]] = []

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, number: int, name: str, item: PartTask | JoinTask) -> None:
        self.waiting.append((number, item))

    def results(self) -> Iterator[tuple[int, Any]]:
        while self.waiting:
            number, task = self.waiting.pop()
            self.made.append(task)
            type(self).forget()
            if type(self).fails(task):
                yield number, FailedTask("given up")
            else:
                yield number, self.work(task, lambda count, number=number: self.on_progress(number, count))


@pytest.fixture
def pool(net: FindsDisc, monkeypatch: pytest.MonkeyPatch) -> type[Inline]:
    """Two processes that are this one; frames in stretches of 10."""
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)
    kind = type("WorkerPool", (Inline,), {"made": [], "forget": net.forget_load, "fails": lambda task: False})  # type: ignore[attr-defined]
    monkeypatch.setattr(local, "LocalPool", kind)
    return kind


def analyze(project: Path, videos: Any, **options: Any) -> AnalyzeVideoResult:
    result = analyze_video(project, videos, batch_size=4, devices=2, **options)
    assert isinstance(result, AnalyzeVideoResult)
    return result


def parts(pool: type[Inline]) -> list[tuple[int, int] | None]:
    return [part_of(task) for task in pool.made]


def video_of(task: PartTask | JoinTask) -> Path:
    (video,) = task.options.videos
    return Path(video)


def part_of(task: PartTask | JoinTask) -> tuple[int, int] | None:
    return task.options.part if isinstance(task, PartTask) else None


def test_shares_of_several_videos_are_the_whole_runs(
    project: Path, pool: type[Inline], again: Again, tmp_path: Path
) -> None:
    videos = [write_video(project / "videos" / f"{name}.avi", count) for name, count in (("a", 95), ("b", 40))]
    whole = [again(path, out=tmp_path) for path in videos]
    told = _Bar()
    result = analyze(project, videos, progress=told)
    assert [(video.video.name, video.first, video.stop) for video in result.videos] == [
        ("a.avi", 0, 95),
        ("b.avi", 0, 40),
    ]
    assert result.exit_code == 0
    # 8 shares in all for two processes, cut as evenly as stretches of 12 frames allow
    by_video = {path: [part_of(task) for task in pool.made if video_of(task) == path] for path in videos}
    assert by_video == {
        videos[0]: [*((n, 6) for n in range(6, 0, -1)), None],
        videos[1]: [(3, 3), (2, 3), (1, 3), None],
    }
    assert parts(pool).count(None) == 2
    for mine, its in zip(result.videos, whole, strict=True):
        assert isinstance(mine, AnalyzedVideo)
        np.testing.assert_array_equal(read_predictions(mine.h5).xy, read_predictions(its.h5).xy)
        assert mine.ledger is not None
        assert its.ledger is not None
        assert mine.ledger.read_text() == its.ledger.read_text()
        assert mine.time.seconds["waiting"] > 0
    assert (told.title, told.total, told.earlier, told.done) == ("analyze 2 videos", 135, 0, 135)

    pool.made.clear()
    assert [video.analyzed for video in analyze(project, videos).videos] == [0, 0]
    assert parts(pool) == [None, None]


class _Bar(Progress):
    """Remembers one task."""

    def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Any:
        from contextlib import nullcontext

        bar = self
        bar.title, bar.total, bar.earlier, bar.done = title, total, done, done

        class Counting(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                bar.done += count

        return nullcontext(Counting())


def test_only_what_is_missing_is_done(project: Path, pool: type[Inline], again: Again) -> None:
    path = write_video(project / "videos" / "v.avi", 95)
    again(path, part=(2, 3))
    told = _Bar()
    analyze(project, path, progress=told)
    assert parts(pool) == [(3, 3), (1, 3), None]
    assert (told.total, told.earlier, told.done) == (95, 36, 95)


def test_overwrite_starts_again_but_keeps_the_files_until_then(project: Path, pool: type[Inline], again: Again) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    before = again(path, batch_size=5)
    again(path, part=(1, 2), batch_size=5)
    pool.fails = lambda task: part_of(task) == (2, 2)
    with pytest.raises(DlcxError, match="part 2/2: given up"):
        analyze(project, path, shares=2, overwrite=True)
    assert before.h5.exists()
    assert parts(pool) == [(2, 2), (1, 2)]
    pool.made.clear()
    pool.fails = lambda task: False
    (done,) = analyze(project, path, shares=2, overwrite=True).videos  # the same call goes on
    assert parts(pool) == [(2, 2), None]
    assert (done.first, done.stop) == (0, 60)
    pool.made.clear()
    (done,) = analyze(project, path, shares=2, overwrite=True).videos  # it had ended: this is another one
    assert parts(pool) == [(2, 2), (1, 2), None]
    assert done.analyzed == 60


@pytest.mark.parametrize("then", ["without the flag", "other settings", "other videos"])
def test_an_overwrite_that_was_stopped(project: Path, pool: type[Inline], again: Again, then: str) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    other = write_video(project / "videos" / "w.avi", 20)
    again(path)
    pool.fails = lambda task: part_of(task) == (2, 2)
    with pytest.raises(DlcxError, match="given up"):
        analyze(project, path, shares=2, overwrite=True)
    pool.made.clear()
    pool.fails = lambda task: False
    options: dict[str, Any] = {
        "without the flag": {"shares": 2},
        "other settings": {"shares": 2, "overwrite": True, "crop": (0, 60, 0, 40)},
        "other videos": {"overwrite": True},
    }[then]
    done = analyze(project, [path, other] if then == "other videos" else path, **options).videos
    begun = [part_of(task) for task in pool.made if video_of(task) == path and part_of(task)]
    assert begun == [(2, 2)] if then == "without the flag" else len(begun) > 1
    assert done[0].analyzed == 60
    assert not list(path.parent.glob("*.dlcx/overwrite.txt"))


def test_an_overwrite_of_several_videos_goes_on(
    project: Path, pool: type[Inline], again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Videos that are finished stay so until the call has ended."""
    videos = [write_video(project / "videos" / f"{name}.avi", 40) for name in ("a", "b")]
    before = [again(path, out=project) for path in videos]
    pool.fails = lambda task: _stopped() if (video_of(task).name, part_of(task)) == ("a.avi", (1, 2)) else False
    with pytest.raises(Stopped):
        analyze(project, videos, shares=2, overwrite=True, out=project)
    pool.made.clear()
    pool.fails = lambda task: False
    done = analyze(project, videos, shares=2, overwrite=True, out=project).videos
    assert [(video_of(task).name, part_of(task)) for task in pool.made] == [
        ("b.avi", None),
        ("a.avi", (1, 2)),
        ("a.avi", None),
    ]
    assert [video.analyzed for video in done] == [40, 0]
    for mine, its in zip(done, before, strict=True):
        np.testing.assert_array_equal(read_predictions(mine.h5).xy, read_predictions(its.h5).xy)


@pytest.mark.parametrize("ended_in", ["VideoResults.write", "ChunkStore.record_output_frames", "shutil.rmtree"])
def test_an_overwrite_that_ended_while_it_joined_goes_on(
    project: Path, pool: type[Inline], again: Again, monkeypatch: pytest.MonkeyPatch, ended_in: str
) -> None:
    import shutil

    from dlcx.analysis.output_files import VideoResults
    from dlcx.store import ChunkStore

    path = write_video(project / "videos" / "v.avi", 60)
    before = again(path, out=project)
    for number in (1, 2):
        again(path, part=(number, 2))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def first_store(folder: Path) -> None:
        if not removed:
            remove(folder)
            removed.append(folder)
            raise KeyboardInterrupt
        remove(folder)

    def join_dies(task: PartTask | JoinTask) -> bool:
        if isinstance(task, JoinTask):
            name, attribute = ended_in.split(".")
            owner = {"VideoResults": VideoResults, "ChunkStore": ChunkStore, "shutil": shutil}[name]
            monkeypatch.setattr(owner, attribute, first_store if owner is shutil else die)
        return False

    removed: list[Path] = []
    remove = shutil.rmtree
    pool.fails = join_dies
    with monkeypatch.context() as monkeypatch, pytest.raises(KeyboardInterrupt):
        analyze(project, path, overwrite=True, shares=2)
    pool.made.clear()
    pool.fails = lambda task: False
    (done,) = analyze(project, path, overwrite=True, shares=2).videos
    assert parts(pool) == [None]
    np.testing.assert_array_equal(read_predictions(done.h5).xy, read_predictions(before.h5).xy)
    assert not list(path.parent.glob("*.part*"))


def _stopped() -> bool:
    raise Stopped("stopped by SIGTERM")


@pytest.mark.parametrize("ended", ["stopped", "killed"])
def test_a_share_that_ended_with_its_last_frame_is_joined(
    project: Path, net: FindsDisc, pool: type[Inline], again: Again, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    """All frames are stored, but nobody noted that the share is done."""
    import signal

    from dlcx.store import ChunkStore

    path = write_video(project / "videos" / "v.avi", 60)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if ended == "killed":
            patch.setattr(ChunkStore, "record_output_frames", die)
        else:
            net.before = lambda batch: signal.raise_signal(signal.SIGTERM) if batch == 5 else None
        with pytest.raises((KeyboardInterrupt, Stopped)):
            again(path, part=(1, 2))
    net.before = lambda batch: None
    (done,) = analyze(project, path, shares=2).videos
    assert parts(pool) == [(2, 2), None]
    assert (done.first, done.stop) == (0, 60)


def test_damaged_chunks_are_analyzed_again(project: Path, pool: type[Inline], again: Again, tmp_path: Path) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    whole = again(path, out=tmp_path)
    for number in (1, 2):
        again(path, part=(number, 2))
    (chunk,) = path.parent.glob("*.part1of2.dlcx/frames-000000008.npz")
    chunk.write_bytes(b"damaged")
    told = _Bar()
    (done,) = analyze(project, path, shares=2, progress=told).videos
    assert parts(pool) == [(1, 2), None]
    assert (told.earlier, told.done) == (52, 60)
    pool.made.clear()
    (chunk,) = path.parent.glob("*.dlcx/frames-000000032.npz")
    chunk.write_bytes(b"damaged")
    (done,) = analyze(project, path, shares=2).videos
    assert done.analyzed == 8
    assert parts(pool) == [(2, 2), (1, 2), None]
    np.testing.assert_array_equal(read_predictions(done.h5).xy, read_predictions(whole.h5).xy)


@pytest.mark.parametrize("there", ["the whole", "its shares", "a share"])
@pytest.mark.parametrize("changed", ["crop", "precision", "snapshot"])
def test_other_settings_than_those_of_what_is_there_are_refused(
    project: Path, pool: type[Inline], again: Again, there: str, changed: str
) -> None:
    """Else the old poses would be given out as what was asked for."""
    path = write_video(project / "videos" / "v.avi", 60)
    if there == "the whole":
        again(path)
    else:
        for number in (1, 2)[: 1 if there == "a share" else 2]:
            again(path, part=(number, 2))
    asked: dict[str, Any] = {"crop": {"crop": (0, 60, 0, 40)}, "precision": {"precision": "bf16"}}.get(changed, {})
    if changed == "snapshot":
        (snapshot,) = project.glob("dlc-models-pytorch/*/*shuffle1/train/snapshot-010.pt")
        snapshot.write_bytes(b"other weights")
    with pytest.raises(DlcxError, match=rf"dlcx was made with other settings: (--)?{changed}: .* stored, .* requested"):
        analyze(project, path, **asked)
    assert pool.made == []
    (done,) = analyze(project, path, overwrite=True, **asked).videos
    assert (done.first, done.stop, done.analyzed) == (0, 60, 60)


def test_settings_that_are_left_open_are_those_of_before(project: Path, pool: type[Inline], again: Again) -> None:
    import torch

    path = write_video(project / "videos" / "v.avi", 60)
    torch.set_num_threads(2)
    try:
        again(path, batch_size=5)
    finally:
        torch.set_num_threads(1)
    (done,) = analyze_video(project, path, devices=2).videos  # type: ignore[union-attr]
    assert done.analyzed == 0


def test_a_video_that_fails_does_not_stop_the_others(
    project: Path, pool: type[Inline], capsys: pytest.CaptureFixture[str]
) -> None:
    videos = [write_video(project / "videos" / f"{name}.avi", 40) for name in ("a", "b")]
    broken = project / "videos" / "c.avi"
    broken.write_bytes(b"no video")
    pool.fails = lambda task: part_of(task) == (1, 2) and video_of(task).name == "b.avi"
    call = ["analyze-video", *map(str, [*videos, broken]), "-p", str(project), "--devices=2", "--shares=2"]
    assert run([*call, "--batch-size=4"]) == 4
    said = capsys.readouterr()
    assert f"failed: {broken}: " in said.out
    assert f"failed: {videos[1]}: part 1/2: given up" in said.out
    assert f"video: {videos[0]}, frames 0:40" in said.out
    assert ("b.avi", None) not in [(video_of(task).name, part_of(task)) for task in pool.made]
    pool.fails = lambda task: True
    assert run([*call, "--batch-size=4", "--overwrite"]) == 3
    assert "error: none of the 3 videos could be used" in capsys.readouterr().err


def test_unreadable_frames_are_told(project: Path, pool: type[Inline], capsys: pytest.CaptureFixture[str]) -> None:
    from small_videos import break_frames

    path = write_video(project / "videos" / "v.avi", 40)
    break_frames(path, 13, 15)
    assert run(["analyze-video", str(path), "-p", str(project), "--devices=2", "--batch-size=4"]) == 4
    assert "unreadable frames (nan rows): 13, 14" in capsys.readouterr().out


def test_parts_of_another_number_are_refused(project: Path, pool: type[Inline], again: Again) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    again(path, part=(2, 3))
    with pytest.raises(DlcxError, match=r"v.avi: parts of 3 are there, --shares 2 asked for"):
        analyze(project, path, shares=2)
    again(path, part=(1, 2))
    with pytest.raises(DlcxError, match=r"v.avi: parts of 2 and of 3 are there"):
        analyze(project, path)


def test_shares_agree_on_threads_and_batches(
    project: Path, net: FindsDisc, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that is begun on a machine with more cores takes what the others have."""
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)
    import torch

    from dlcx.store import inspect_store

    path = write_video(project / "videos" / "v.avi", 60)
    first = again(path, part=(1, 2), batch_size=5)
    torch.set_num_threads(2)
    try:
        second = again(path, part=(2, 2), batch_size=None)
    finally:
        torch.set_num_threads(1)
    stores = [inspect_store(share.store) for share in (first, second)]  # type: ignore[attr-defined]
    assert stores[0] is not None
    assert stores[1] is not None
    assert stores[0].settings == stores[1].settings
    assert stores[0].settings["threads"] == 1


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ("--cluster slurm --part 1/2", "--cluster slurm and --part 1/2"),
        ("--devices 2 --part 1/2", "--devices 2 and --part 1/2"),
        ("--part 1/2 --frames 0:9", "--part 1/2 and --frames: one or the other"),
        ("--part 1/2 --engine auto", "--part 1/2 and --engine auto"),
        ("--cluster local --devices 2", "--cluster local and --devices 2: one or the other"),
        ("--cluster local=2 --frames 0:9", "--cluster local=2 and --frames"),
        ("--devices 2 --engine auto", "--devices 2 and --engine auto"),
        ("--cluster slurm --batch-size auto", "--cluster slurm and --batch-size auto"),
        ("--cluster pbs", "--cluster pbs: expected slurm, local, local=N or dask=ADDRESS"),
        ("--cluster local=0", "--cluster local=0: expected"),
        ("--cluster dask=here", "--cluster dask=here: expected"),
        ("--shares 3", "--shares 3 would have no effect: it needs --cluster or --devices"),
        ("--dry-run", "--dry-run is for --cluster slurm"),
        ("--cluster local --gpus 2", "--gpus is for --cluster slurm"),
        ("--devices 2 --set-sbatch account=lab", "--set-sbatch is for --cluster slurm"),
        ("--array-parallel 3", "--array-parallel is for --cluster slurm"),
        ("--cluster slurm --time soon", "--time 'soon': expected"),
        ("--devices 2 --device cuda:0", "--device cuda:0"),
    ],
)
def test_what_cannot_be_asked_for_together(
    project: Path, net: FindsDisc, flags: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_video(project / "videos" / "v.avi", 10)
    assert run(["analyze-video", str(path), "-p", str(project), *flags.split()]) == 3
    said = capsys.readouterr().err
    assert word in said
    assert said.startswith("error: ")
    assert [file.name for file in path.parent.iterdir()] == ["v.avi"]


def test_dask_that_is_not_installed(
    project: Path, net: FindsDisc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    path = write_video(project / "videos" / "v.avi", 10)
    assert run(["analyze-video", str(path), "-p", str(project), "--cluster=local"]) == 3
    said = capsys.readouterr().err
    assert "error: --cluster dask and --cluster local need dask.distributed, which is not installed" in said
    assert "pip install 'dlcx[cluster]'" in said


def test_cores_and_devices_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert process_environments("cpu", 3, "") == [{"OMP_NUM_THREADS": "2"}] * 3
    assert process_environments("cpu", None, "") == [{"OMP_NUM_THREADS": "1"}] * 8
    assert process_environments("cpu", 20, "") == [{"OMP_NUM_THREADS": "1"}] * 20
    assert (threads_per_process(2), threads_per_process(None)) == (4, 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus = [{"CUDA_VISIBLE_DEVICES": name, "OMP_NUM_THREADS": "4"} for name in ("0", "1")]
    assert process_environments("cuda", None, "") == process_environments("cuda", 2, "") == gpus
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in process_environments("cuda", 2, "")] == ["5", "7"]
    with pytest.raises(DlcxError, match="--devices 3: torch sees 2"):
        process_environments("cuda", 3, "--devices 3")
    with pytest.raises(DlcxError, match="one process a device, or that one"):
        process_environments("cuda:1", 2, "--devices 2")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (threads_per_process(2), threads_per_process(None)) == (3, 3)
