"""Suspect frames are ranked by what is wrong with them, and the command on the page extracts them."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from page_data import commands_of, figures_of
from small_videos import told_number

from dlcx.cli.app import run
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.formats.project_config import open_project
from dlcx.poses import Layout, Tracks
from dlcx.reports.suspect_frames import find_suspects, frame_faults
from dlcx.reports.video_statistics import VideoStatistics
from dlcx.workflow.report import report


def facts_of(
    xy: np.ndarray, score: np.ndarray, monkeypatch: pytest.MonkeyPatch, unreadable: np.ndarray | None = None
) -> VideoStatistics:
    """Facts on two animals at 10 frames a second."""
    monkeypatch.setattr(VideoStatistics, "unreadable", unreadable)
    layout = Layout(tuple(f"part{n}" for n in range(xy.shape[2])), ("ann", "bob"), multi=True)
    video = type("Video", (), {"fps": 10.0})
    return VideoStatistics(None, 0.6, video, Tracks(layout, xy, score))  # type: ignore[arg-type]


def good(count: int, parts: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Sure points that move by a pixel a frame."""
    xy = np.arange(count)[:, None, None, None] + np.zeros((count, 2, parts, 2))
    return xy, np.full((count, 2, parts), 0.9)


def test_frames_are_ranked_by_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    xy, score = good(400)
    score[50, 0, :2] = 0.1  # 2 of 8 points
    score[100] = 0.1  # all of them
    xy[150, 1, 3] += 100  # far: 71 times as far as usual
    xy[200, 1] = np.nan  # for one frame
    xy[300:350, 0] = np.nan  # for five seconds: it has probably left
    rated = frame_faults(facts_of(xy, score, monkeypatch))
    assert rated[50].tolist() == [0, 0.25, 0]
    assert rated[100].tolist() == [0, 1, 0]
    assert rated[150, 2] == pytest.approx(1 - 6 / (np.hypot(101, 101) / (np.sqrt(2) + 1)))
    assert rated[200, 0] == pytest.approx(1 / 1.1 / 2)
    assert rated[320, 0] == pytest.approx(1 / 6 / 2)
    assert not rated[:50].any()
    worst = find_suspects(facts_of(xy, score, monkeypatch))
    assert [one.row for one in worst] == [100, 150, 200, 50, 300, 315, 330, 345]
    assert worst[0].reason == "0 of 8 points are confident"
    assert worst[1].reason == "bob part3 jumps by 143 px"
    assert worst[2].reason == "bob is missing; 4 of 8 points are confident"
    assert [one.badness for one in worst] == sorted((one.badness for one in worst), reverse=True)


def test_one_kind_of_fault_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    xy, score = good(2000)
    score[::20] = 0.1  # a hundred frames in which nothing is sure
    xy[555, 0, 0] += 200
    xy[777, 1] = np.nan
    worst = find_suspects(facts_of(xy, score, monkeypatch))
    assert len(worst) == 12
    assert {555, 777} <= {one.row for one in worst}
    rows = sorted(one.row for one in worst)
    assert min(np.diff(rows)) >= 20


def test_unreadable_frames_are_no_fault_of_the_poses(monkeypatch: pytest.MonkeyPatch) -> None:
    xy, score = good(60)
    xy[30:40] = np.nan
    unreadable = np.isin(np.arange(60), np.arange(30, 40))
    assert not find_suspects(facts_of(xy, score, monkeypatch, unreadable))
    assert find_suspects(facts_of(xy, score, monkeypatch))[0].reason == "no animal was detected"


def test_the_command_extracts_the_frames_shown(
    project: Path, tracked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout, h5 = open_project(project).layout, next(tracked.parent.glob("*_el.h5"))
    for file in tracked.parent.glob("v*_el*"):
        file.unlink()
    parts = len(layout.bodyparts)
    xy = np.broadcast_to(30 + 0.2 * np.arange(60)[:, None, None, None], (60, 1, parts, 2)).copy()
    score = np.full((60, 1, parts), 0.9)
    xy[30, 0, 0] += 25
    score[50] = 0.1
    scorer = h5.stem.removeprefix("v").removesuffix("_el")
    write_predictions(Tracks(layout, xy, score), tracked.with_name(f"v{scorer}.h5"), scorer)
    page = report(project, tracked).pages[0].page
    shown = figures_of(page, "suspects")
    frames = [int(caption.split(":")[0].removeprefix("frame ")) for caption, _ in shown]
    assert frames[0] == 50  # nothing is sure
    assert {30, 31} & set(frames)
    assert [told_number(image) for _, image in shown] == frames
    (command,) = [command for command in commands_of(page) if "extract-outliers" in command]
    monkeypatch.chdir(tmp_path)  # it runs from any folder
    assert run([*shlex.split(command)[1:], "-q"]) == 0
    images = {path.name for path in (project / "labeled-data" / "v").glob("img*.png")}
    assert images == {f"img{frame:02d}.png" for frame in frames}
