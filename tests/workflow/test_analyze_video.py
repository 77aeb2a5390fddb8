from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from finds_disc import FindsDisc
from small_videos import SIZE, break_frames, disc, write_video

from dlcx.analysis import network_loading
from dlcx.cli.app import run
from dlcx.errors import DlcxError, Stopped
from dlcx.formats.predictions.analysis_pickles import read_full_pickle, read_meta_pickle
from dlcx.formats.predictions.assemblies import read_assemblies
from dlcx.formats.predictions.frame_status import read_frame_status
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.formats.serialization.pickles import load_plain_pickle
from dlcx.poses import Instances, Prediction, Tracks
from dlcx.predictors import temporal
from dlcx.progress import Progress, Task
from dlcx.workflow.analyze_video import AnalyzedVideo, analyze_video

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"


def expected(frames: range) -> np.ndarray:
    """Positions (T, 3, 2) that a right analysis finds, to within a pixel."""
    return np.array([[disc(n), np.add(disc(n), (10, 0)), np.add(disc(n), (0, 10))] for n in frames], np.float32)


def assert_same(one: Tracks, other: Tracks) -> None:
    assert one.first == other.first
    np.testing.assert_array_equal(one.xy, other.xy)
    np.testing.assert_array_equal(one.score, other.score)


def test_files_are_where_deeplabcut_puts_them(project: Path, again: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 30)
    done = again(path)
    stem = f"v{SCORER}"
    assert {entry.name for entry in path.parent.iterdir()} == {
        "v.avi",
        f"{stem}.h5",
        f"{stem}.csv",
        f"{stem}_full.pickle",
        f"{stem}_meta.pickle",
        f"{stem}_frames.csv",
        f"{stem}.dlcx",
    }
    assert (done.first, done.stop, done.analyzed, done.unreadable) == (0, 30, 30, ())
    table = pd.read_hdf(done.h5)
    assert list(table.index) == list(range(30))
    assert table.columns.names == ["scorer", "bodyparts", "coords"]
    assert set(table.columns.get_level_values("scorer")) == {SCORER}
    tracks = read_predictions(done.h5)
    np.testing.assert_allclose(tracks.xy[:, 0], expected(range(30)), atol=1)
    assert_same(tracks, read_predictions(done.h5))
    full = read_full_pickle(done.full_pickle)
    assert sorted(full) == list(range(30))
    np.testing.assert_array_equal(full[7].animals.xy[0], tracks.xy[7, 0])
    meta = read_meta_pickle(done.meta_pickle)
    assert (meta.frames, meta.crop, meta.size, meta.scorer, meta.batch_size) == (30, None, SIZE, SCORER, 4)


def test_progress_counts_the_frames_that_are_asked_for(project: Path, again: Callable[..., AnalyzedVideo]) -> None:
    """Batches of 4 frames reach beyond them."""
    path = write_video(project / "videos" / "v.avi", 20)
    told: list[tuple[int, int | None]] = []

    class Counts(Progress):
        @contextmanager
        def task(self, title: str, total: int | None, unit: str, *, done: int = 0) -> Iterator[Task]:
            count = Count(done)
            yield count
            told.append((count.done, total))

    class Count(Task):
        def __init__(self, done: int) -> None:
            self.done = done

        def advance(self, count: int = 1, note: str = "") -> None:
            self.done += count

    for frames in ((5, 10), (3, 11), (3, 15)):
        again(path, frames=frames, progress=Counts())
    assert told == [(5, 5), (8, 8), (12, 12)]


def test_frames_are_a_pair(project: Path, again: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    for wrong in ((0, 5, 10), 7, ("0", 10)):
        with pytest.raises(DlcxError, match=r"frames .*: expected (2 numbers|0 to)"):
            again(path, frames=wrong)
    assert again(path, frames=[np.int64(0), None]).analyzed == 20


def test_asking_again_is_answered_from_what_is_there(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo]
) -> None:
    path = write_video(project / "videos" / "v.avi", 10)
    first = again(path)
    content = first.h5.read_bytes()
    second = again(path)
    assert second.analyzed == 0
    assert net.batches == []
    assert first.h5.read_bytes() == content
    assert any("already analyzed" in line for line in second.lines())
    first.csv.unlink()  # type: ignore[union-attr]
    assert again(path).csv.is_file()  # type: ignore[union-attr]
    assert again(path, overwrite=True).analyzed == 10


def test_an_interrupted_run_goes_on_and_equals_the_straight_one(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], tmp_path: Path
) -> None:
    path = write_video(project / "videos" / "v.avi", 50)
    straight = read_predictions(again(path, out=tmp_path / "straight").h5)

    def die(batch: int) -> None:
        if batch == 5:
            raise KeyboardInterrupt

    net.before = die
    with pytest.raises(KeyboardInterrupt):
        again(path)
    assert not list(path.parent.glob("*.h5"))
    net.before = lambda batch: None
    done = again(path)
    assert done.analyzed == 30
    assert_same(read_predictions(done.h5), straight)


@pytest.mark.parametrize("part", [None, (2, 2)])
def test_an_overwrite_that_was_stopped_goes_on(
    project: Path,
    net: FindsDisc,
    again: Callable[..., AnalyzedVideo],
    part: tuple[int, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the same call; else it would begin for ever where a job's time is too short for all of it."""
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 40)
    path = write_video(project / "videos" / "v.avi", 40 if part is None else 80)
    flags: dict[str, Any] = {"part": part, "overwrite": True}
    assert again(path, part=part).analyzed == 40

    def stop_at(last: int) -> None:
        net.before = lambda batch: signal.raise_signal(signal.SIGTERM) if batch == last else None

    stop_at(3)
    with pytest.raises(Stopped):
        again(path, **flags)
    with pytest.raises(Stopped):
        again(path, **flags)
    stop_at(-1)
    assert again(path, **flags).analyzed == 8
    assert again(path, **flags).analyzed == 40  # it had ended: this is another one
    stop_at(3)
    with pytest.raises(Stopped):
        again(path, **flags)
    stop_at(-1)
    assert (
        again(path, **flags, crop=(0, 60, 0, 40)).analyzed == 40
    )  # with other settings there is nothing to go on with
    stop_at(3)
    with pytest.raises(Stopped):
        again(path, **flags)
    stop_at(-1)
    assert again(path, part=part).analyzed == 24


def test_an_overwrite_of_several_videos_goes_on(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo]
) -> None:
    videos = [write_video(project / "videos" / f"{name}.avi", 16) for name in ("a", "b")]

    def call() -> list[int]:
        net.forget_load()  # type: ignore[attr-defined]
        net.batches.clear()
        done = analyze_video(project, videos, batch_size=4, overwrite=True).videos  # type: ignore[union-attr]
        return [video.analyzed for video in done]

    assert call() == [16, 16]
    net.before = lambda batch: signal.raise_signal(signal.SIGTERM) if batch == 5 else None
    with pytest.raises(Stopped):
        call()
    net.before = lambda batch: None
    assert call() == [0, 8]
    assert call() == [16, 16]


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_signals_finish_the_batch_and_leave_75(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], name: str
) -> None:
    path = write_video(project / "videos" / "v.avi", 40)
    net.before = lambda batch: signal.raise_signal(getattr(signal, name)) if batch == 3 else None
    with pytest.raises(Stopped, match=f"stopped by {name}; 16 frames of v.avi are safe") as stopped:
        again(path)
    assert stopped.value.exit_code == 75
    net.before = lambda batch: None
    assert again(path).analyzed == 24


def test_a_second_process_on_one_output_is_refused(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_video(project / "videos" / "v.avi", 12)
    codes = []
    net.before = lambda batch: codes.append(run(["analyze-video", str(path), "-p", str(project), "-q"]))
    assert again(path).analyzed == 12
    assert codes == [3, 3, 3]
    assert f"the analysis of v.avi is held by process {os.getpid()} on " in capsys.readouterr().err
    assert not list(path.parent.glob("*.lock*"))


def test_what_a_killed_run_left_behind_is_cleared_away(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo]
) -> None:
    path = write_video(project / "videos" / "v.avi", 8)
    store = path.with_name(f"v{SCORER}.dlcx")
    store.mkdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = [
        store / f".manifest.{dead.pid}.part.json",
        store / f".frames-000000000.{dead.pid}.part.npz",
        path.with_name(f".v{SCORER}.{dead.pid}.part.h5"),
        path.with_name(f".v{SCORER}_full.{dead.pid}.part.pickle"),
    ]
    for file in left:
        file.write_bytes(b"half")
    running = path.with_name(f".v{SCORER}_filtered.{os.getppid()}.part.h5")
    running.write_bytes(b"another process at work")
    assert again(path).analyzed == 8
    assert not any(file.exists() for file in left)
    assert running.exists()


def test_a_wider_range_goes_on_from_a_narrower_one(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], tmp_path: Path
) -> None:
    path = write_video(project / "videos" / "v.avi", 50)
    whole = read_predictions(again(path, out=tmp_path / "whole").h5)

    part = again(path, frames=(10, 21))
    tracks = read_predictions(part.h5)
    assert (part.first, part.stop) == (10, 21)
    assert tracks.first == 10
    np.testing.assert_array_equal(tracks.xy, whole.xy[10:21])
    assert net.batches == [4, 4, 4, 4]  # 8 to 24: the batches of the whole run

    wider = again(path, frames=(0, 30))
    assert net.batches == [4, 4, 4, 4]  # 0 to 8 and 24 to 32
    np.testing.assert_array_equal(read_predictions(wider.h5).xy, whole.xy[:30])

    with pytest.raises(DlcxError, match=r"--frames 40:45 would replace frames 0:30") as refused:
        again(path, frames=(40, 45))
    assert "--frames 0:45" in refused.value.hint
    assert_same(read_predictions(again(path).h5), whole)
    inside = again(path, frames=(3, 5))
    assert (inside.analyzed, inside.first, inside.stop) == (0, 0, 50)


def test_frames_out_of_range(
    project: Path, again: Callable[..., AnalyzedVideo], caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(project / "videos" / "v.avi", 10)
    with pytest.raises(DlcxError, match=r"--frames 10:20: v.avi has 10 frames"):
        again(path, frames=(10, 20))
    with pytest.raises(DlcxError, match="expected A:B with 0 <= A < B"):
        again(path, frames=(5, 5))
    with caplog.at_level(logging.WARNING, "dlcx"):
        assert again(path, frames=(4, 99)).stop == 10
    assert "ends at frame 10" in caplog.text


def test_crop_moves_no_coordinates(project: Path, again: Callable[..., AnalyzedVideo], tmp_path: Path) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    done = again(path, crop=(48, 96, 8, 60))
    np.testing.assert_allclose(read_predictions(done.h5).xy[:, 0], expected(range(20)), atol=1)
    meta = read_meta_pickle(done.meta_pickle)
    assert (meta.crop, meta.size) == (None, SIZE)
    with pytest.raises(DlcxError, match=r"--crop: .*48, 96, 8, 60.* stored, None requested"):
        again(path)
    with pytest.raises(DlcxError, match=r"within the 96x64 pixels of v.avi"):
        again(path, crop=(0, 97, 0, 64), out=tmp_path)


def test_crop_of_the_project(project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo]) -> None:
    config = (project / "config.yaml").read_text()
    for key, value in {"cropping": "true", "x1": 50, "x2": 90, "y1": 10, "y2": 50}.items():
        config = "\n".join(f"{key}: {value}" if line.startswith(f"{key}:") else line for line in config.splitlines())
    (project / "config.yaml").write_text(config)
    seen = []
    path = write_video(project / "videos" / "v.avi", 8)
    net.predict = lambda images, guesses: seen.append(images.shape) or FindsDisc().predict(images)  # type: ignore[method-assign]
    np.testing.assert_allclose(read_predictions(again(path).h5).xy[:, 0], expected(range(8)), atol=1)
    assert seen == [(4, 40, 40, 3)] * 2


def test_broken_frames_are_nan_rows_at_their_own_number(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], caplog: pytest.LogCaptureFixture
) -> None:
    path = write_video(project / "videos" / "v.avi", 40)
    break_frames(path, 13, 17)
    with caplog.at_level(logging.WARNING, "dlcx"):
        done = again(path)
    assert done.unreadable == (13, 14, 15, 16)
    assert "4 unreadable frame(s) are nan rows: 13, 14, 15, 16" in caplog.text
    tracks = read_predictions(done.h5)
    good = [number for number in range(40) if number not in done.unreadable]
    assert np.isnan(tracks.xy[13:17]).all()
    assert np.isnan(tracks.score[13:17]).all()
    np.testing.assert_allclose(tracks.xy[good, 0], expected(range(40))[good], atol=1)
    assert len(read_full_pickle(done.full_pickle)) == 40


def test_one_failing_video_does_not_stop_the_others(
    project: Path, net: FindsDisc, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "videos"
    write_video(folder / "a.avi", 8)
    (folder / "b.avi").write_text("no video")
    write_video(folder / "c.mkv", 8, codec="mp4v")
    code = run(["analyze-video", str(folder), "-p", str(project), "--json", "-q", "--no-csv"])
    assert code == 4
    output = capsys.readouterr()
    result = json.loads(output.out)
    assert [Path(video["video"]).name for video in result["videos"]] == ["a.avi", "c.mkv"]
    assert [Path(failure["video"]).name for failure in result["failed"]] == ["b.avi"]
    assert "error: " in output.err
    assert "b.avi cannot be opened as a video" in output.err
    assert not list(folder.glob(f"*{SCORER}.csv"))


def test_two_videos_of_one_name_need_two_folders(project: Path, net: FindsDisc, tmp_path: Path) -> None:
    paths = [write_video(tmp_path / folder / "v.avi", 4) for folder in ("one", "two")]
    with pytest.raises(DlcxError, match="would both write"):
        analyze_video(project, paths, out=tmp_path)


def test_what_others_wrote_is_not_replaced(project: Path, again: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 8)
    done = again(path)
    shutil.rmtree(done.h5.with_suffix(".dlcx"))
    with pytest.raises(DlcxError, match="not known to be of this net and video"):
        again(path)
    assert again(path, overwrite=True).analyzed == 8


def test_the_batch_size_of_a_run_is_kept(project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 40)
    again(path, frames=(0, 8), batch_size=2)
    again(path, batch_size=None)
    assert set(net.batches) == {2}
    with pytest.raises(DlcxError, match="--batch-size: 2 stored, 5 requested"):
        again(path, batch_size=5)


def test_another_snapshot_under_the_same_name_is_noticed(project: Path, again: Callable[..., AnalyzedVideo]) -> None:
    path = write_video(project / "videos" / "v.avi", 8)
    again(path)
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"other weights")
    with pytest.raises(DlcxError, match=r"snapshot: snapshot-010.pt .* stored"):
        again(path)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.mp4"], 3, "no such video or folder: missing.mp4"),
        (["nothing*.mp4"], 3, "no video in nothing*.mp4"),
        (["v.avi", "--frames", "ten"], 2, "expected A:B, e.g. 0:1000, got 'ten'"),
        (["v.avi", "--crop", "1,2,3"], 2, "expected X1,X2,Y1,Y2, e.g. 0,640,0,480, got '1,2,3'"),
        (["v.avi", "--snapshot", "77"], 3, "--snapshot 77: "),
        (["v.avi", "--device", "abacus"], 3, "--device abacus"),
        ([], 2, "missing argument"),
    ],
)
def test_wrong_calls(
    project: Path,
    net: FindsDisc,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(project)
    write_video(project / "v.avi", 4)
    assert run(["analyze-video", *arguments]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err.splitlines()[0]
    assert not list(project.glob("*.h5"))


def test_equals_deeplabcut(trained_project: Path, golden: Path) -> None:
    """DeepLabCut's own analysis of the video with the same weights: h5, csv and _full.pickle."""
    path = trained_project / "videos" / "vid.avi"
    path.parent.mkdir()
    shutil.copy(golden / "analysis" / "sa" / "vid.avi", path)
    done = analyze_video(trained_project, path, device="cpu").videos[0]
    theirs = golden / "predictions" / f"vid{SCORER}.h5"
    assert (done.h5.name, done.analyzed) == (theirs.name, 12)
    mine, its = read_predictions(done.h5), read_predictions(theirs)
    assert mine.layout == its.layout
    assert mine.xy.dtype == its.xy.dtype
    np.testing.assert_allclose(mine.xy, its.xy, atol=1e-3)
    np.testing.assert_allclose(mine.score, its.score, atol=1e-5)
    assert pd.read_hdf(done.h5).columns.equals(pd.read_hdf(theirs).columns)
    assert done.csv is not None
    assert done.csv.read_text().splitlines()[:3] == theirs.with_suffix(".csv").read_text().splitlines()[:3]
    full, its_full = read_full_pickle(done.full_pickle), read_full_pickle(theirs.with_name(f"vid{SCORER}_full.pickle"))
    assert full.keys() == its_full.keys()
    for number, one in its_full.items():
        np.testing.assert_allclose(full[number].animals.xy, one.animals.xy, atol=1e-3)
        np.testing.assert_allclose(full[number].animals.score, one.animals.score, atol=1e-5)


class FindsSome:
    """In place of a net for several animals: one in even frames, none in odd ones, always a lamp."""

    def predict(self, images: np.ndarray, guesses: object = None) -> list[Prediction]:
        found = []
        for image in images:
            y, x = np.nonzero((image[..., 0] > 150) & (image[..., 1] < 120))
            center = np.array([x.mean(), y.mean()])
            lamp = Instances(np.tile(center, (1, 2, 1)).astype(np.float32), np.ones((1, 2), np.float32))
            animals = Instances.empty(3)
            if round(center[0] - 60) % 2 == 0:
                xy = np.add(center, [[[0, 0], [np.nan, np.nan], [0, 10]]]).astype(np.float32)
                animals = Instances(xy, np.array([[0.9, 0, 0.8]], np.float32))
            found.append(Prediction(animals, lamp))
        return found


def test_files_of_several_animals(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "goldmui-me-2025-11-22"
    shutil.copytree(golden / "files" / "mui", project)
    train = project / "dlc-models-pytorch/iteration-0/goldmuiNov22-trainset75shuffle1/train"
    (train / "snapshot-010.pt").write_bytes(b"weights")
    (train.parent / "test" / "pose_cfg.yaml").chmod(0o644)
    with open(train.parent / "test" / "pose_cfg.yaml", "a") as file:
        file.write("paf_best: [0, 2]\n")
    monkeypatch.setattr(network_loading, "load_network", lambda network: SimpleNamespace(predictor=FindsSome()))
    path = write_video(project / "videos" / "v.avi", 6)
    result = analyze_video(project, path)
    done = result.videos[0]
    assert done.assemblies == path.with_name(f"v{result.scorer}_assemblies.pickle")
    assert f"assemblies: {done.assemblies}" in done.lines()

    table = pd.read_hdf(done.h5)
    assert table.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    owners = table.columns.droplevel(["scorer", "coords"]).unique().tolist()
    assert owners == [
        *[(animal, part) for animal in ("ann", "bob") for part in ("snout", "back", "tail")],
        *[("single", part) for part in ("lamp", "door")],
    ]
    there, absent = table.iloc[0].to_numpy(), table.iloc[1].to_numpy()
    assert there[2] == np.float32(0.9)
    np.testing.assert_array_equal(there[3:6], [np.nan, np.nan, 0])
    np.testing.assert_array_equal(there[9:18], -1)
    np.testing.assert_array_equal(absent[:18], -1)
    assert absent[20] == 1

    animals = read_assemblies(done.assemblies)
    assert [len(one.animals) for one in animals.values()] == [1, 0, 1, 0, 1, 0]
    content = load_plain_pickle(done.full_pickle)
    assert content["metadata"]["PAFinds"] == [0, 2]
    assert [part.shape for part in content["frame1"]["coordinates"][0]] == [(2, 2)] * 3 + [(1, 2)] * 2
    done.assemblies.unlink()
    analyze_video(project, path)
    assert done.assemblies.is_file()


def test_the_ledger_says_what_became_of_every_frame(
    project: Path, net: FindsDisc, again: Callable[..., AnalyzedVideo], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_video(project / "videos" / "v.avi", 40)
    break_frames(path, 13, 15)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.8)])
    done = again(path)
    assert done.frames is not None
    ledger = read_frame_status(done.ledger)  # type: ignore[arg-type]
    lost = np.flatnonzero(ledger.state >= 2)
    assert lost[:2].tolist() == [13, 14]
    assert len(lost) == done.frames.undecodable + done.frames.missing == len(done.unreadable)
    assert (done.frames.announced, done.frames.decoded) == (40, 40 - len(lost))
    assert done.frames.missing > 3
    assert np.isnan(read_predictions(done.h5).xy[lost]).all()
    done.ledger.unlink()  # type: ignore[union-attr]
    net.forget_load()  # type: ignore[attr-defined]
    assert run(["analyze-video", str(path), "-p", str(project), "--json", "--batch-size", "4"]) == 4
    told = json.loads(capsys.readouterr().out)["videos"][0]
    assert told["frames"]["undecodable"] == done.frames.undecodable
    assert Path(told["ledger"]).is_file()
