"""The page on a project: videos worst first with links, networks with errors, commands for what is missing."""

from __future__ import annotations

import re
import shlex
import time
from contextlib import suppress
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from browser import chromium
from page_data import commands_of
from small_videos import write_video

from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import read_predictions, write_predictions
from dlcx.reports.project_page import PAGE
from dlcx.workflow.create_project import create_project
from dlcx.workflow.report import report


def rows_of(page: Path, heading: str) -> list[list[str]]:
    """The cells of a section's table, without markup."""
    text = page.read_text(encoding="utf-8")
    section = re.search(f"<h2>{re.escape(heading)}</h2>(.*?)</section>", text, re.DOTALL)[1]
    rows = re.findall("<tr>(.*?)</tr>", section, re.DOTALL)
    return [
        [unescape(re.sub("<.*?>", "", cell)) for cell in re.findall("<t[dh].*?>(.*?)</t[dh]>", row, re.DOTALL)]
        for row in rows
    ]


@pytest.fixture
def two_videos(project: Path, tracked: Path) -> Path:
    """A second video beside the first, whose poses are half unsure, and a third without poses."""
    other = write_video(tracked.with_name("b&'<i>.avi"), 60)
    h5 = next(tracked.parent.glob("v*_el.h5"))
    tracks = read_predictions(h5)
    tracks.xy[57:] = tracks.xy[56]
    tracks.score[:] = 0.9
    tracks.score[:, 0] = 0.1
    scorer = h5.stem.removeprefix("v").removesuffix("_el")
    write_predictions(tracks, h5.with_name(h5.name.replace("v", other.stem, 1)), scorer, key="tracks")
    write_video(tracked.with_name("new.avi"), 10)
    return other


def test_videos_are_sorted_by_quality(project: Path, tracked: Path, two_videos: Path) -> None:
    (made,) = report(project, overview=True).pages
    assert made.page == project / PAGE
    head, *rows = rows_of(made.page, "Videos, worst first")
    assert [row[0] for row in rows] == [two_videos.name, tracked.name]
    quality = dict(zip(head, rows[0], strict=True))
    assert quality["quality"] == "50 %"  # half of the points
    assert quality["confident"] == "50 %"
    assert quality["frames"] == "60"
    good = dict(zip(head, rows[1], strict=True))
    assert good["possible swaps"] == "1"
    assert good["unreadable"] == "3"
    assert good["jumps/min"] == f"{60 * 25 * 2 / 60:.1f}"  # there and back
    assert good["missing"] == "5.0 %"
    assert float(good["quality"].removesuffix(" %")) > 90
    others = {row[0]: row[1] for row in rows_of(made.page, "Videos without poses")}
    assert others["new.avi"].startswith("no poses of new.avi")


def test_links_lead_to_the_pages_that_the_command_makes(
    project: Path, tracked: Path, two_videos: Path, tmp_path: Path
) -> None:
    page = report(project, overview=True).pages[0].page
    assert "<a href" not in page.read_text(encoding="utf-8")
    (command,) = [one for one in commands_of(page) if one.startswith("dlcx report") and "--overview" not in one]
    assert run([*shlex.split(command)[1:], "-q"]) == 0
    again = next(one for one in commands_of(page) if "--overview" in one)
    assert run([*shlex.split(again)[1:], "-q"]) == 0
    links = re.findall("<a href='(.*?)'>(.*?)</a>", page.read_text(encoding="utf-8"))
    assert [unescape(text) for _, text in links] == [two_videos.name, tracked.name]
    for address, text in links:
        target = page.parent / unquote(unescape(address))
        assert target.is_file()
        assert f"<h1>{text}</h1>" in target.read_text(encoding="utf-8")
    assert [one for one in commands_of(page) if one.startswith("dlcx report")] == [again]
    with chromium(tmp_path / "browser") as browser:
        for width in (400, 1280):
            browser.open(page, width)
            assert browser.see("document.documentElement.scrollWidth") <= width
        target = browser.see("document.querySelector('td a').href")
        browser.see("document.querySelector('td a').click()")
        shown = ""
        for _ in range(200):
            with suppress(AssertionError):  # the answer is lost where the page changes meanwhile
                shown = browser.see("document.readyState === 'complete' ? location.href : ''")
            if shown == target:
                break
            time.sleep(0.05)
        assert shown == target
        assert not browser.complaints


def test_videos_and_overview_in_one_call(project: Path, tracked: Path, tmp_path: Path) -> None:
    done = report(project, tracked, overview=True)
    assert [one.subject for one in done.pages] == ["v.avi", "the whole project"]
    assert "<a href='videos/" in done.pages[1].page.read_text(encoding="utf-8")
    with pytest.raises(DlcxError, match=r"^--poses "):
        report(project, tracked, overview=True, poses=next(tracked.parent.glob("v*_el.h5")))


def test_networks_have_their_errors_and_curves(trained_project: Path) -> None:
    train = trained_project / "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
    rows = ["step,losses/train.total_loss,metrics/test.rmse"]
    rows += [f"{epoch},{1 / epoch},{40 - epoch}" for epoch in range(1, 11)]
    (train / "learning_stats.csv").write_text("\n".join(rows) + "\n")
    page = report(trained_project, overview=True).pages[0].page
    head, row = rows_of(page, "Networks")
    told = dict(zip(head, row, strict=True))
    assert (told["shuffle"], told["network"], told["test error"]) == ("shuffle 1", "resnet_50", "30.00 px")
    assert told["images"] == "6 + 2"
    assert told[""] == "not evaluated: error measured during training"
    assert page.read_text(encoding="utf-8").count("<h3>shuffle 1, resnet_50</h3>") == 1

    report(trained_project)  # evaluates it
    page = report(trained_project, overview=True).pages[0].page
    text = page.read_text(encoding="utf-8")
    told = dict(zip(head, rows_of(page, "Networks")[1], strict=True))
    from dlcx.formats.predictions.evaluation import read_combined
    from dlcx.formats.project_config import open_project

    (row,) = read_combined(open_project(trained_project).combined_results_path)
    assert told["training error"] == f"{row.train_rmse:.2f} px"
    assert told["test error"] == f"{row.test_rmse:.2f} px"
    assert told[""] == ""
    (address,) = re.findall("<a href='(.*?)'>shuffle 1</a>", text)
    assert (trained_project / unquote(address)).is_file()


def test_a_project_before_anything_is_trained(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.avi", 10)
    project = create_project("reach", "Ann", video, folder=tmp_path, bodyparts=["paw"], copy_videos=True).project
    page = report(project, overview=True).pages[0].page
    assert rows_of(page, "Videos without poses")[1] == ["v.avi", "the project has no trained network"]
    assert "The project has no shuffle yet." in page.read_text(encoding="utf-8")
    assert commands_of(page) == [shlex.join(["dlcx", "report", "--overview", "--project", str(project)])]
