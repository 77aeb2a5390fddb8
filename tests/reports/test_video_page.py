"""The page on a video in a browser: what the pointer and the keyboard show; and texts that look like markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browser import chromium
from page_data import commands_of, timeline_of

from dlcx.formats.predictions.swap_candidates import write_swap_candidates
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.poses import SwapCandidate
from dlcx.workflow.report import report

TIP = "document.querySelector('.charts .tip').innerText"
FRAME = "document.querySelector('.chosen-frame').textContent"
CELLS = "[...document.querySelectorAll('.readout tr')].map(row => [...row.cells].map(cell => cell.textContent))"


def test_hover_zoom_and_scrub(project: Path, tracked: Path, tmp_path: Path) -> None:
    page = report(project, tracked).pages[0].page
    tracks = read_predictions(page.with_name(page.name.replace("_report.html", ".h5")))
    with chromium(tmp_path / "browser") as browser:
        browser.open(page)
        left, top, width, _ = browser.place(".charts")
        inside = width - 46 - 10  # the axis of the frames -0.5 to 59.5

        def x_of(frame: float, low: float = -0.5, high: float = 59.5) -> float:
            return left + 46 + (frame - low) / (high - low) * inside

        browser.mouse("mouseMoved", x_of(50), top + 40)
        assert browser.see(FRAME) == "frame 50, 0:02.00"
        assert browser.see(TIP).splitlines() == [
            "frame 50, 0:02.00",
            "10 % quantile: 0.10",
            "ann: 0.90",
            "bob: 0.10",
            "least: bob snout 0.10",
            "frame 50: 2 of 4 points are confident",  # its mark
        ]
        snout = [f"{value:.1f}" for value in tracks.xy[50, :, 0].ravel()]
        expected = ["snout", f"{snout[0]}, {snout[1]}", "0.90", f"{snout[2]}, {snout[3]}", "0.10"]
        assert browser.see(CELLS)[1] == expected
        shown = [picture["frame"] for picture in timeline_of(page)["pictures"]]
        nearest = min(shown, key=lambda frame: abs(frame - 50))
        assert browser.see("document.querySelector('.stage p').textContent").startswith(f"picture of frame {nearest}")
        colors = "(c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size)"
        assert browser.see(f"{colors}(document.querySelector('.stage canvas'))") > 20  # a picture, not an empty canvas

        browser.drag((x_of(20), top + 40), (x_of(40), top + 60))  # 20 frames fill the charts now
        browser.mouse("mouseMoved", x_of(30, 20, 40), top + 100)
        assert browser.see(FRAME) == "frame 30, 0:01.20"
        browser.mouse("mousePressed", x_of(30, 20, 40), top + 100)
        browser.mouse("mouseReleased", x_of(30, 20, 40), top + 100)
        browser.mouse("mouseMoved", x_of(38, 20, 40), top + 100)
        assert browser.see(FRAME) == "frame 30, 0:01.20"  # it is held
        browser.see("document.querySelector('.charts').focus()")
        for key, frame in (("ArrowRight", 31), ("ArrowLeft", 30), ("Home", 0), ("n", 12), ("End", 59), ("p", 50)):
            browser.key(key)
            assert browser.see("document.querySelector('.charts').getAttribute('aria-valuenow')") == str(frame), key
        browser.mouse("mouseWheel", x_of(30), top + 40, deltaX=0, deltaY=-100, modifiers=2)
        browser.see("[...document.querySelectorAll('.readout button')][1].click()")
        assert browser.see("document.querySelector('.explorer select').selectedOptions[0].text") == "tail"
        browser.see("document.querySelector('button.seek').click()")
        assert browser.see(FRAME) == "frame 12, 0:00.48"  # the swap's
        assert not browser.complaints


def test_boxes_choose_what_the_command_extracts(project: Path, tracked: Path, tmp_path: Path) -> None:
    page = report(project, tracked).pages[0].page
    (printed,) = [command for command in commands_of(page) if "extract-outliers" in command]
    frames = printed.rsplit(" ", 1)[1].split(",")
    with chromium(tmp_path / "browser") as browser:
        browser.open(page)
        browser.see(f"document.querySelector('input.pick[data-frame=\"{frames[1]}\"]').click()")
        now = browser.see("document.querySelector('code[data-before]').textContent")
        assert now == f"{printed.rsplit(' ', 1)[0]} {','.join([frames[0], *frames[2:]])}"
        browser.see("document.querySelector('button.copy').click()")
        assert not browser.complaints


HOSTILE = ("</script><img src=x onerror=alert(1)>", "b'\"<svg onload=alert(2)>&amp;")


def test_names_that_look_like_markup(project: Path, tracked: Path, tmp_path: Path) -> None:
    """They are shown as they are; no browser takes them for elements or runs them."""
    h5 = next(tracked.parent.glob("*_el.h5"))
    old = read_predictions(h5)
    layout = replace(old.layout, individuals=HOSTILE, bodyparts=("<!--<script>", "t\"'><script>alert(3)</script>"))
    write_predictions(replace(old, layout=layout), h5, h5.stem.removeprefix("v").removesuffix("_el"), key="tracks")
    write_swap_candidates([SwapCandidate(12, 0.5, *HOSTILE)], h5.with_name(f"{h5.stem}_swaps.csv"))
    page = report(project, tracked).pages[0].page
    text = page.read_text(encoding="utf-8")
    assert not any(f"<{tag}" in text for tag in ("img src=x", "svg onload", "script>alert", "!--"))
    assert timeline_of(page)["animals"] == list(HOSTILE)
    assert timeline_of(page)["bodyparts"] == list(layout.bodyparts)
    with chromium(tmp_path / "browser") as browser:
        browser.open(page)
        assert browser.see(CELLS)[0][1] == f"{HOSTILE[0]}: x, y"
        assert browser.see("document.querySelectorAll('svg[onload], img[onerror], script').length") == 2
        assert not browser.complaints


def test_only_the_script_of_the_page_runs(project: Path, tracked: Path, tmp_path: Path) -> None:
    """Whatever came into the page as markup in spite of all: the policy lets no browser run it or load anything."""
    page = report(project, tracked).pages[0].page
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=['"]?(https?:)?//""", text)
    run = "document.title='ran'"
    inserted = f"<script>{run}</script><img src='https://example.invalid/x.png' onerror=\"{run}\">"
    page.write_text(text.replace("<h1>", f"{inserted}<h1>", 1), encoding="utf-8")
    with chromium(tmp_path / "browser") as browser:
        browser.open(page)
        assert browser.see("document.title") == "v.avi"
        assert browser.see("document.documentElement.className") == "scripted"
        assert all("Content Security Policy" in one for one in browser.complaints)
        assert len(browser.complaints) >= 2


def test_one_animal_and_unique_bodyparts(project: Path, tracked: Path, tmp_path: Path) -> None:
    """Poses that are not linked, with a unique bodypart, of a part of the video."""
    from dlcx.poses import Layout, Tracks

    for file in tracked.parent.glob("v*DLC*"):
        file.unlink()
    scorer = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
    xy = np.stack([20 + np.arange(30.0), np.full(30, 9.0)], -1)[:, None, None]
    layout = Layout(("snout",), ("ann",), ("feeder",), multi=True)
    tracks = Tracks(layout, xy, np.full((30, 1, 1), 0.8), xy[:, 0] + 5, np.full((30, 1), 0.7), first=10)
    write_predictions(tracks, tracked.with_name(f"v{scorer}.h5"), scorer)
    page = report(project, tracked).pages[0].page
    data = timeline_of(page)
    assert (data["animals"], data["unique"], data["first"]) == (["ann"], ["feeder"], 10)
    with chromium(tmp_path / "browser") as browser:
        browser.open(page, 400, scheme="dark")
        assert browser.see(CELLS) == [
            ["bodypart", "ann: x, y", "likelihood"],
            ["snout", "20.0, 9.0", "0.80"],
            ["feeder", "25.0, 14.0", "0.70"],
        ]
        browser.see("[...document.querySelectorAll('.readout button')][1].click()")
        browser.see("document.querySelector('.charts').focus()")
        browser.key("End")
        assert browser.see(FRAME) == "frame 39, 0:01.56"
        assert not browser.complaints


@pytest.mark.parametrize("flag", ["filtered", "out"])
def test_printed_commands_mean_the_same_poses(flag: str, project: Path, tracked: Path, tmp_path: Path) -> None:
    """The command that makes the page again makes the same page."""
    import shlex

    from dlcx.cli.app import run
    from dlcx.workflow.filter_predictions import filter_predictions

    options = {}
    if flag == "filtered":
        filter_predictions(project, tracked)
        options = {"filtered": True}
    else:
        for file in tracked.parent.glob("v*DLC*"):
            (tmp_path / "o u't").mkdir(exist_ok=True)
            file.rename(tmp_path / "o u't" / file.name)
        options = {"out": tmp_path / "o u't"}
    page = report(project, tracked, pcutoff=0.5, **options).pages[0].page
    again = commands_of(page)[-1]
    page.unlink()
    assert run([*shlex.split(again)[1:], "-q"]) == 0
    assert commands_of(page)[-1] == again
