"""Strips of suspected swaps show the frames that they say, and their commands swap the animals back."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from page_data import commands_of, figures_of
from small_videos import told_number

from dlcx.cli.app import run
from dlcx.formats.predictions.swap_candidates import write_swap_candidates
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.poses import SwapCandidate
from dlcx.visuals.colors import PAIR
from dlcx.workflow.filter_predictions import filter_predictions
from dlcx.workflow.report import report


def tracks_beside(page: Path) -> Path:
    """The tracks that a page is about."""
    return page.with_name(page.name.replace("_report.html", ".h5"))


def run_all(command: str) -> None:
    """Run the lines of a command of the page."""
    for line in command.splitlines():
        program, *rest = shlex.split(line)
        assert program == "dlcx"
        assert run([rest[0], "-q", *rest[1:]]) == 0


def swap_commands(page: Path) -> list[str]:
    return [command for command in commands_of(page) if "swap-tracks" in command]


def test_a_strip_shows_the_frames_around_the_swap(project: Path, tracked: Path) -> None:
    h5 = next(tracked.parent.glob("*_el.h5"))
    old = read_predictions(h5)
    corners = np.broadcast_to(np.array([[1.0, 50.0], [94.0, 50.0]])[None, :, None], old.xy.shape)  # the whole frame
    write_predictions(replace(old, xy=corners), h5, h5.stem.removeprefix("v").removesuffix("_el"), key="tracks")
    shown = figures_of(report(project, tracked).pages[0].page, "strip")
    assert [caption for caption, _ in shown] == [
        "frame 4: 8 before",
        "frame 11: 1 before",
        "frame 12: swapped from here on?",
        "frame 20: 8 after",
    ]
    assert {image.shape for _, image in shown} == {(200, 300, 3)}
    upper = [cv2.resize(image, (96, 64), interpolation=cv2.INTER_AREA)[:20] for _, image in shown]
    assert [told_number(image) for image in upper] == [4, 11, 12, 20]
    ann, bob = (shown[0][1][140:180, column] for column in (slice(0, 20), slice(280, 300)))
    orange, blue = (np.abs(side.astype(int) - PAIR[one]).max(-1).min() for one, side in enumerate((ann, bob)))
    assert max(orange, blue) < 40  # each in its own color


def test_the_command_swaps_the_animals_back(
    project: Path, tracked: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = report(project, tracked).pages[0].page
    before = read_predictions(tracks_beside(page))
    (command,) = swap_commands(page)
    monkeypatch.chdir(tmp_path)
    run_all(command)
    after = read_predictions(tracks_beside(page))
    np.testing.assert_array_equal(after.xy[:12], before.xy[:12])
    np.testing.assert_array_equal(after.xy[12:], before.xy[12:, ::-1])


def test_filtered_poses_follow_the_swap(project: Path, tracked: Path) -> None:
    filter_predictions(project, tracked, window=3)
    page = report(project, tracked, filtered=True).pages[0].page
    before = read_predictions(tracks_beside(page))
    (command,) = swap_commands(page)
    assert len(command.splitlines()) == 2
    run_all(command)
    after = read_predictions(tracks_beside(page))
    np.testing.assert_allclose(after.xy[14:56], before.xy[14:56, ::-1], atol=1e-4)
    assert report(project, tracked, filtered=True).pages  # they count as made of the poses of today


def test_the_latest_of_several_swaps_comes_first(project: Path, tracked: Path) -> None:
    """Of three animals: a swap of ann and bob, then one of ann and cid; run as the page says, all are right again."""
    h5 = next(tracked.parent.glob("*_el.h5"))
    old = read_predictions(h5)
    layout = replace(old.layout, individuals=("ann", "bob", "cid"))
    xy = np.stack([np.full((60, 2, 2), 10.0 * (animal + 1)) for animal in range(3)], 1)
    true = replace(old, layout=layout, xy=xy, score=np.full((60, 3, 2), 0.9))
    wrong = true.xy.copy()
    wrong[20:] = wrong[20:, [1, 0, 2]]
    wrong[40:] = wrong[40:, [2, 1, 0]]  # of the columns as they are by then
    scorer = h5.stem.removeprefix("v").removesuffix("_el")
    write_predictions(replace(true, xy=wrong), h5, scorer, key="tracks")
    places = [SwapCandidate(20, 0.9, "ann", "bob"), SwapCandidate(40, 0.8, "ann", "cid")]
    write_swap_candidates(places, h5.with_name(f"{h5.stem}_swaps.csv"))
    page = report(project, tracked).pages[0].page
    assert "Run several commands in descending order of their frames" in page.read_text(encoding="utf-8")
    for command in sorted(swap_commands(page), key=lambda one: -int(one.split("--from ")[1])):
        run_all(command)
    np.testing.assert_array_equal(read_predictions(h5).xy, true.xy)


def test_a_swap_that_was_mended_is_shown_no_more(project: Path, tracked: Path) -> None:
    h5 = next(tracked.parent.glob("*_el.h5"))
    record = h5.with_name(f"{h5.stem}_tracking.json")
    record.write_text('{"settings": {}, "frames": [0, 60], "found": 1, "mended": []}')
    page = report(project, tracked).pages[0].page
    (command,) = swap_commands(page)
    run_all(command)
    page = report(project, tracked).pages[0].page
    assert not swap_commands(page)
    assert "No possible swaps remain." in page.read_text(encoding="utf-8")
    run_all(command)  # taken back
    assert swap_commands(report(project, tracked).pages[0].page) == [command]


def test_names_that_look_like_options(project: Path, tracked: Path) -> None:
    h5 = next(tracked.parent.glob("*_el.h5"))
    old = read_predictions(h5)
    named = replace(old, layout=replace(old.layout, individuals=("-1", "--from")))
    write_predictions(named, h5, h5.stem.removeprefix("v").removesuffix("_el"), key="tracks")
    write_swap_candidates([SwapCandidate(12, 0.5, "-1", "--from")], h5.with_name(f"{h5.stem}_swaps.csv"))
    (command,) = swap_commands(report(project, tracked).pages[0].page)
    run_all(command)
    np.testing.assert_array_equal(read_predictions(h5).xy[12:], old.xy[12:, ::-1])
