"""Shares of a video, and what they are joined to."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from finds_disc import FindsDisc
from small_videos import write_video

from dlcx.analysis.frame_range import part_frames
from dlcx.analysis.result import AnalyzedVideo
from dlcx.analysis_files import VideoPart
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import read_full_pickle, read_meta_pickle
from dlcx.formats.predictions.video_predictions import read_predictions
from dlcx.predictors import temporal
from dlcx.store import read_store
from dlcx.workflow.merge_parts import merge_parts

Again = Callable[..., AnalyzedVideo]


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "RESET_INTERVAL", 10)


def assert_same(one: AnalyzedVideo, other: AnalyzedVideo) -> None:
    mine, its = read_predictions(one.h5), read_predictions(other.h5)
    assert mine.first == its.first
    np.testing.assert_array_equal(mine.xy, its.xy)
    np.testing.assert_array_equal(mine.score, its.score)


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 95, 100, 1001])
@pytest.mark.parametrize("batch_size", [1, 4, 10, 64])
@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_shares_are_every_frame_once_and_begin_where_batches_do(frames: int, batch_size: int, count: int) -> None:
    shares = [part_frames(VideoPart(number, count), frames, batch_size) for number in range(1, count + 1)]
    assert [number for first, stop in shares for number in range(first, stop)] == list(range(frames))
    assert all(first % batch_size == 0 for first, stop in shares if first < stop)
    if batch_size in (1, 10):
        assert all(first % temporal.RESET_INTERVAL == 0 for first, stop in shares if first < stop)
    lengths = [stop - first for first, stop in shares]
    assert max(lengths) - min(lengths) <= 2 * max(batch_size, temporal.RESET_INTERVAL)


def test_shares_in_any_order_are_the_whole_run(
    project: Path,
    net: FindsDisc,
    again: Again,
    tmp_path: Path,
) -> None:
    path = write_video(project / "videos" / "v.avi", 95)
    whole = again(path, out=tmp_path / "whole")
    numbers = [1, 2, 3, 4]
    random.Random(0).shuffle(numbers)
    for number in numbers:
        share = again(path, part=(number, 4))
        assert share.analyzed == share.stop - share.first
    assert again(path, part=(2, 4)).analyzed == 0
    assert not list(path.parent.glob("*.h5"))
    (done,) = merge_parts(project, path).videos
    assert {file.name for file in path.parent.iterdir()} - {"v.avi"} == {
        file.name for file in (tmp_path / "whole").iterdir()
    }
    assert_same(done, whole)
    assert done.csv.read_text() == whole.csv.read_text()
    assert done.ledger.read_text() == whole.ledger.read_text()
    one, other = read_full_pickle(done.full_pickle), read_full_pickle(whole.full_pickle)
    assert one.keys() == other.keys()
    assert read_meta_pickle(done.meta_pickle).batch_size == read_meta_pickle(whole.meta_pickle).batch_size
    mine, its = read_store(done.h5.with_suffix(".dlcx")), read_store(whole.h5.with_suffix(".dlcx"))
    assert mine is not None
    assert its is not None
    np.testing.assert_array_equal(mine.time, its.time)

    assert again(path).analyzed == 0
    joined = again(path, part=(3, 4))
    assert (joined.analyzed, joined.joined) == (0, True)
    assert merge_parts(project, path).videos[0].analyzed == 0


def test_missing_shares_are_named(
    project: Path,
    net: FindsDisc,
    again: Again,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_video(project / "videos" / "v.avi", 95)
    call = ["merge-parts", str(path), "-p", str(project)]
    assert run(call) == 3
    assert "error: no parts of v.avi by DLC_" in capsys.readouterr().err
    again(path, part=(1, 4))

    def die(batch: int) -> None:
        if batch == 3:
            raise KeyboardInterrupt

    net.before = die
    with pytest.raises(KeyboardInterrupt):
        again(path, part=(3, 4))
    assert run(call) == 3
    said = capsys.readouterr().err
    assert "parts missing: 2/4 (frames 24:48), 3/4 (frames 48:72, 12 of them done), 4/4 (frames 72:95)" in said
    assert re.search(
        r"hint: Run `dlcx analyze-video --project \S+ \S+ --part 2/4` with the flags of the other parts", said
    )
    net.before = lambda batch: None
    for number in (2, 3, 4):
        again(path, part=(number, 4))
    (path.parent / next(path.parent.glob("*.part2of4.dlcx")) / "frames-000000024.npz").write_bytes(b"damaged")
    assert run(call) == 3
    assert "part missing: 2/4" in capsys.readouterr().err
    again(path, part=(2, 4))
    assert run(call) == 0
    assert not list(path.parent.glob("*.part*"))


def test_fewer_stretches_than_shares(
    project: Path,
    net: FindsDisc,
    again: Again,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_video(project / "videos" / "v.avi", 20)
    shares = [again(path, part=(number, 5)) for number in range(1, 6)]
    assert [(share.first, share.stop) for share in shares if share.analyzed] == [(0, 12), (12, 20)]
    assert "nothing to do: the video has fewer stretches" in "".join(shares[0].lines())
    assert merge_parts(project, path).videos[0].stop == 20


def test_shares_that_do_not_fit(project: Path, net: FindsDisc, again: Again) -> None:
    path = write_video(project / "videos" / "v.avi", 40)
    again(path, part=(1, 2))
    again(path, part=(2, 2), batch_size=5)
    with pytest.raises(DlcxError, match=r"part1of2.dlcx was made with .*: --batch-size: 4 stored, 5 requested"):
        merge_parts(project, path)
    again(path, part=(2, 2), overwrite=True)
    again(path, part=(1, 3))
    with pytest.raises(DlcxError, match="parts of 2 and of 3 are there"):
        merge_parts(project, path)
    with pytest.raises(DlcxError, match="--part 1/2 and --frames"):
        again(path, part=(1, 2), frames=(0, 20))


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "a/b", "1/0", "-1/4"])
def test_no_such_share(project: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert run(["analyze-video", "v.avi", "-p", str(project), f"--part={text}"]) == 2
    assert "expected I/N with 1 <= I <= N" in capsys.readouterr().err


def test_shares_go_on_from_a_whole_run_that_was_begun(
    project: Path,
    net: FindsDisc,
    again: Again,
    tmp_path: Path,
) -> None:
    path = write_video(project / "videos" / "v.avi", 60)
    straight = again(path, out=tmp_path)
    again(path, frames=(3, 30))
    for number in (1, 2, 3):
        again(path, part=(number, 3))
    (done,) = merge_parts(project, path).videos
    assert (done.first, done.stop) == (0, 60)
    assert_same(done, straight)


@pytest.mark.parametrize("left", [(), (2,)])
def test_a_merge_that_is_said_again_with_overwrite(
    project: Path, net: FindsDisc, again: Again, monkeypatch: pytest.MonkeyPatch, left: tuple[int, ...]
) -> None:
    """A job that went back into the queue finds videos that are joined already, or shares of which some are gone."""
    import shutil

    path = write_video(project / "videos" / "v.avi", 40)
    again(path)
    for number in (1, 2):
        again(path, part=(number, 2), batch_size=5, overwrite=True)
    stores = sorted(path.parent.glob("*.part*of2.dlcx"))
    for store in stores:
        shutil.copytree(store, project / store.name)
    (done,) = merge_parts(project, path, overwrite=True).videos
    assert done.analyzed == 40
    for number in left:
        shutil.copytree(project / stores[number - 1].name, stores[number - 1])
    (done,) = merge_parts(project, path, overwrite=True).videos
    assert (done.first, done.stop, done.analyzed) == (0, 40, 0)
    assert not list(path.parent.glob("*.part*"))
    again(path, part=(1, 2), batch_size=8, overwrite=True)
    with pytest.raises(DlcxError, match="part missing: 2/2"):
        merge_parts(project, path, overwrite=True)


def test_a_merge_that_was_taken_over_keeps_the_shares(
    project: Path, net: FindsDisc, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlcx.analysis.output_files import VideoResults

    path = write_video(project / "videos" / "v.avi", 40)
    for number in (1, 2):
        again(path, part=(number, 2))

    def write(results: VideoResults, *_: object, **__: object) -> None:
        results.files.lock.write_text("{}")

    with monkeypatch.context() as patch:
        patch.setattr(VideoResults, "write", write)
        with pytest.raises(DlcxError, match="was taken over"):
            merge_parts(project, path)
    assert len(list(path.parent.glob("*.part*of2.dlcx"))) == 2
    next(path.parent.glob("*.dlcx.lock")).unlink()
    assert merge_parts(project, path).videos[0].stop == 40
